// What may stand in a profile's block. Each line is checked by itself and against the
// lines before it, so that nginx can name the one that is wrong.
#include <algorithm>

#include "ngx_module/core/profile.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

using Words = std::vector<std::string_view>;

// Fields of one view, members of one refusal: more than any document has.
constexpr size_t kMaxFields = 64;

Status wrong(std::string detail) {
    return {Code::InvalidField, std::move(detail)};
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

template <typename List>
bool holds(const List& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// NAME=VALUE into its halves; a word without "=" is both.
std::pair<std::string_view, std::string_view> halves(std::string_view word) {
    const size_t at = word.find('=');
    return at == word.npos ? std::pair(word, word)
                           : std::pair(word.substr(0, at), word.substr(at + 1));
}

// Takes `prefix` off.
bool take(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

constexpr std::string_view kFixed = "fixed:";

constexpr std::string_view kFailureSources[] = {"error", "code",      "status",
                                                "title", "retryable", "field"};

// The others, of kStreamEvents, speak of the stream itself.
constexpr std::string_view kEvents[] = {"message", "conversation", "read",
                                        "unread",  "typing",       "presence"};
constexpr std::string_view kStreamEvents[] = {"hello", "reset", "bye"};

// One word, or several joined by ":", as sites of Socket.IO call theirs.
bool validEvent(std::string_view name) {
    if (name.size() > limits::kMaxWord) {
        return false;
    }
    for (size_t colon = name.find(':'); colon != name.npos; colon = name.find(':')) {
        if (!validWord(name.substr(0, colon))) {
            return false;
        }
        name.remove_prefix(colon + 1);
    }
    return validWord(name);
}

}  // namespace

ProfileBlock::ProfileBlock(std::string name) {
    profile_.wording.name = std::move(name);
}

bool ProfileBlock::knowsRole(std::string_view role) const {
    return std::any_of(profile_.roles.begin(), profile_.roles.end(),
                       [&](const RoleWords& known) { return known.role == role; });
}

Status ProfileBlock::line(const Words& words) {
    const std::string_view what = words.front();
    if (what == "roles") {
        return roles(words);
    }
    if (what == "team") {
        return team(words);
    }
    if (what == "conversation") {
        if (std::exchange(conversationSet_, true)) {
            return wrong("is duplicate");
        }
        return view(words, Document::Conversation, &profile_.wording.conversation);
    }
    if (what == "message") {
        if (std::exchange(messageSet_, true)) {
            return wrong("is duplicate");
        }
        return view(words, Document::Message, &profile_.wording.message);
    }
    if (what == "event") {
        return event(words);
    }
    if (what == "failure") {
        return failure(words);
    }
    if (what == "route") {
        return route(words);
    }
    if (what == "rule") {
        return rule(words);
    }
    return wrong(
        "unknown: roles, team, conversation, message, event, failure, route "
        "or rule");
}

// --- roles client=CLIENT,USER partner;  team admin;

Status ProfileBlock::roles(const Words& words) {
    if (!profile_.roles.empty()) {
        return wrong("is duplicate");
    }
    if (!profile_.routes.empty() || conversationSet_) {
        return wrong("stands after lines that need it");
    }
    for (size_t i = 1; i < words.size(); ++i) {
        auto [role, others] = halves(words[i]);
        if (!validWord(role) || (!profile_.roles.empty() && profile_.roleFor(role))) {
            return wrong("not a role's name, or twice: " + quoted(role));
        }
        RoleWords known{std::string(role), {}};
        while (others != role && !others.empty()) {
            const size_t comma = std::min(others.find(','), others.size());
            known.words.emplace_back(others.substr(0, comma));
            if (!profile_.roles.empty() && profile_.roleFor(known.words.back())) {
                return wrong("a word of another role: " + quoted(known.words.back()));
            }
            others.remove_prefix(std::min(comma + 1, others.size()));
        }
        profile_.roles.push_back(std::move(known));
    }
    return profile_.roles.empty() ? wrong("names no role") : Status();
}

Status ProfileBlock::team(const Words& words) {
    for (size_t i = 1; i < words.size(); ++i) {
        if (!knowsRole(words[i])) {
            return wrong("not one of the roles: " + quoted(words[i]));
        }
        if (holds(profile_.teams, words[i])) {
            return wrong("a team stands twice: " + quoted(words[i]));
        }
        profile_.teams.emplace_back(words[i]);
    }
    return words.size() < 2 ? wrong("names no role") : Status();
}

// --- conversation [*] NAME[=SOURCE[|upper]]…;

Status ProfileBlock::view(const Words& words, Document document, View* view) {
    view->all = words.size() > 1 && words[1] == "*";
    for (size_t i = view->all ? 2 : 1; i < words.size(); ++i) {
        auto [name, source] = halves(words[i]);
        constexpr std::string_view kUpper = "|upper";
        const bool upper = source.size() > kUpper.size() &&
                           source.substr(source.size() - kUpper.size()) == kUpper;
        source.remove_suffix(upper ? kUpper.size() : 0);
        if (!validWord(name)) {
            return wrong("not a field's name: " + quoted(name));
        }
        if (!knownSource(document, source)) {
            return wrong("there is no " + quoted(source) + " to show");
        }
        std::string_view role = source;
        if (take(role, "member.")) {
            role = role.substr(0, role.find('.'));
            if (!profile_.roles.empty() && !knowsRole(role)) {
                return wrong("not one of the roles: " + quoted(role));
            }
        }
        const auto twice =
            std::any_of(view->fields.begin(), view->fields.end(),
                        [name = name](const ViewField& f) { return f.name == name; });
        if (twice || view->fields.size() == kMaxFields) {
            return wrong("too many fields, or twice: " + quoted(name));
        }
        view->fields.push_back({std::string(name), std::string(source), upper});
    }
    return view->fields.empty() && !view->all ? wrong("names no field") : Status();
}

// --- event message new-message;

Status ProfileBlock::event(const Words& words) {
    if (words.size() != 3 || !holds(kEvents, words[1])) {
        return wrong("an event of ours and its name here are expected");
    }
    if (!validEvent(words[2])) {
        return wrong("not an event's name: " + quoted(words[2]));
    }
    if (holds(kStreamEvents, words[2]) ||
        (words[2] != words[1] && holds(kEvents, words[2]))) {
        return wrong("is another event's name: " + quoted(words[2]));
    }
    for (const auto& [ours, theirs] : profile_.events) {
        if (ours == words[1] || theirs == words[2]) {
            return wrong("is duplicate");
        }
    }
    profile_.events.emplace_back(words[1], words[2]);
    return {};
}

// --- failure [STATUS] NAME[=SOURCE] fixed:NAME=TEXT…;

Status ProfileBlock::failure(const Words& words) {
    FailureShape shape;
    size_t i = 1;
    if (const auto status = parseUnsigned(words.size() > 1 ? words[1] : "")) {
        if (*status < 400 || *status > 599) {
            return wrong("not a status of a refusal: " + quoted(words[1]));
        }
        shape.status = static_cast<unsigned>(*status);
        i = 2;
    }
    for (; i < words.size(); ++i) {
        std::string_view word = words[i];
        const bool fixed = take(word, kFixed);
        const auto [name, source] = halves(word);
        if (!validWord(name) || shape.members.size() == kMaxFields) {
            return wrong("not a field's name: " + quoted(name));
        }
        if (!fixed && !holds(kFailureSources, source)) {
            return wrong("a refusal has no " + quoted(source));
        }
        if (fixed && !countCharacters(source)) {
            return wrong("not UTF-8");
        }
        for (const FailureMember& other : shape.members) {
            if (other.name == name) {
                return wrong("a field stands twice: " + quoted(name));
            }
        }
        shape.members.push_back({std::string(name), std::string(source), fixed});
    }
    for (const FailureShape& other : profile_.failures) {
        if (other.status == shape.status) {
            return wrong("is duplicate");
        }
    }
    profile_.failures.push_back(std::move(shape));
    return profile_.failures.back().members.empty() ? wrong("names no field")
                                                    : Status();
}

// --- rule …;

Status ProfileBlock::ruleRoles(const Words& words, std::vector<std::string>* out) {
    if (!out->empty()) {
        return wrong("is duplicate");
    }
    for (size_t i = 2; i < words.size(); ++i) {
        if (!knowsRole(words[i])) {
            return wrong("not one of the roles: " + quoted(words[i]));
        }
        out->emplace_back(words[i]);
    }
    return out->empty() ? wrong("names no role") : Status();
}

Status ProfileBlock::confirm(const Words& words) {
    Rules& rules = profile_.wording.rules;
    if (words.size() != 4 || !knowsRole(words[2])) {
        return wrong("one of the roles and a text are expected");
    }
    const std::string_view text = trim(words[3]);
    const std::optional<size_t> characters = countCharacters(text);
    // The name that takes the place of "{name}" has room too.
    if (!characters || *characters == 0 ||
        *characters + limits::kMaxName > limits::kMaxContent) {
        return wrong("not a message's text");
    }
    if (!rules.confirmer.empty()) {
        return wrong("is duplicate");
    }
    rules.confirmer = words[2];
    rules.confirmation = text;
    return {};
}

Status ProfileBlock::rule(const Words& words) {
    Rules& rules = profile_.wording.rules;
    const std::string_view what = words.size() > 1 ? words[1] : "";
    if (what == "open") {
        return ruleRoles(words, &rules.openers);
    }
    if (what == "change") {
        return ruleRoles(words, &rules.changers);
    }
    if (what == "confirm") {
        return confirm(words);
    }
    bool* flag = what == "content"  ? &rules.contentRequired
                 : what == "reopen" ? &rules.reopens
                 : what == "known"  ? &rules.knownOnly
                                    : nullptr;
    if (flag == nullptr) {
        return wrong("unknown rule: open, change, confirm, content, reopen or known");
    }
    return words.size() == 2 && !std::exchange(*flag, true)
               ? Status()
               : wrong("is duplicate, or has a word too many");
}

Result<SiteProfile> ProfileBlock::finish() {
    profile_.wording.answers = answers_;
    profile_.encoded = encode(profile_.wording);
    profile_.hash = profileHash(profile_.encoded);
    return std::move(profile_);
}

}  // namespace messaging::core
