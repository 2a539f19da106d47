// What follows from a conversation's own words, or a request's, without asking anybody:
// ids, marks, fingerprints, who takes part as whom, whose inbox is meant. Pure.
#include <algorithm>

#include "schema/hash.hpp"
#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/model.hpp"

namespace messaging {
namespace {

// Of a change's mark: no two of kMaxChanges agree.
constexpr size_t kMarkDigits = 16;

// Never a client's words: there are these two.
constexpr std::string_view kOwnInbox = "{}";
constexpr std::string_view kTeamsInbox = "{\"team\":true}";

}  // namespace

std::string conversationId(const StartArguments& arguments, const Identity& who,
                           std::string_view key) {
    return arguments.ticket ? ticketId(who.site, who.user, key)
                            : directId(who.site, arguments.members,
                                       arguments.context.type, arguments.context.id);
}

std::string changeMark(std::string_view user, std::string_view key,
                       std::string_view canonicalBody) {
    return digest({"change", user, key, canonicalBody}).substr(0, kMarkDigits);
}

bool isArchived(const Conversation& conversation, const std::string& member) {
    return std::binary_search(conversation.archived.begin(),
                              conversation.archived.end(), member);
}

const std::string* memberOf(const Conversation& conversation, const Identity& who) {
    const std::vector<std::string>& members = conversation.members;
    auto place = std::find(members.begin(), members.end(), who.user);
    if (place == members.end() && !who.team.empty()) {
        place = std::find(members.begin(), members.end(), who.team);
    }
    return place == members.end() ? nullptr : &*place;
}

std::string fingerprint(Operation operation, std::string_view canonicalBody) {
    return digest({operationName(operation), canonicalBody});
}

// What is not UTF-8 in it stays so, and the parse function refuses it.
std::string queryBody(const std::vector<std::pair<std::string, std::string>>& query) {
    std::string body;
    json::Writer writer(body);
    writer.object();
    for (const auto& [name, value] : query) {
        writer.member(name, value);
    }
    writer.end();
    return body;
}

Result<UnreadArguments> parseUnread(std::string_view body) {
    if (body != kOwnInbox && body != kTeamsInbox && !body.empty()) {
        return {Code::InvalidField, "arguments", "team"};
    }
    return UnreadArguments{body == kTeamsInbox};
}

std::string encode(const UnreadArguments& arguments) {
    return std::string(arguments.team ? kTeamsInbox : kOwnInbox);
}

}  // namespace messaging
