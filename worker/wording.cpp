// See the header. What a badge says stays canonical: it is cached for every profile.
#include "worker/wording.hpp"

#include <algorithm>
#include <utility>

#include "schema/limits.hpp"
#include "schema/problem.hpp"

namespace messaging::worker {
namespace {

Reply unworded(const Command& command) {
    Reply reply;
    reply.id = command.id;
    reply.code = Code::Internal;
    reply.status = problemKind(reply.code).status;
    return reply;
}

}  // namespace

Reply worded(const Command& command, const Profile* profile, Reply reply) {
    if (profile != nullptr && reply.code == Code::Ok &&
        command.operation != Operation::UnreadCount) {
        const auto ref = parseProfileRef(command.profile);
        Result<std::string> body = render(*profile, ref ? ref->route : std::nullopt,
                                          command.operation, command.who, reply.body);
        if (!body.ok()) {
            return unworded(command);
        }
        reply.body = std::move(body.value());
    }
    // The first line stands before it.
    constexpr size_t kHead = 256;
    return reply.body.size() + kHead > limits::kMaxReply ? unworded(command)
                                                         : std::move(reply);
}

bool answersMessage(const Command& command, const Profile* profile) {
    const auto ref = parseProfileRef(command.profile);
    return profile != nullptr && ref && ref->route &&
           *ref->route < profile->answers.size() &&
           profile->answers[*ref->route] == Envelope::Message;
}

bool showsMessages(const Profile* profile) {
    if (profile == nullptr) {
        return false;
    }
    const std::vector<ViewField>& fields = profile->conversation.fields;
    return std::any_of(fields.begin(), fields.end(), [](const ViewField& field) {
        return field.source == "messages";
    });
}

std::string withMessages(std::string conversation,
                         const std::vector<std::string>& messages) {
    conversation.pop_back();
    conversation += ",\"messages\":[";
    for (const std::string& message : messages) {
        conversation += message;
        conversation += ',';
    }
    if (!messages.empty()) {
        conversation.pop_back();
    }
    conversation += "]}";
    return conversation;
}

}  // namespace messaging::worker
