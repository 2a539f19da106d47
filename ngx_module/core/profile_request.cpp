// Values are taken from where the route says, given our names, and left to the
// operation's own parse function to judge: there is one set of bounds. Members and
// contexts are the exception: they become ids here, of what a site may write as a
// number.
#include "ngx_module/core/profile_request.hpp"

#include <algorithm>

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/model.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

using From = RouteArgument::From;
using json::Type;
using json::Value;
using json::Writer;

bool startsWith(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

constexpr std::string_view kMember = "member";
constexpr std::string_view kMemberOf = "member.";
constexpr std::string_view kContextOf = "context.";
constexpr std::string_view kMessageContextOf = "message.context.";
constexpr std::string_view kName = ".name";

bool namesHint(std::string_view argument) {
    return startsWith(argument, kMemberOf) && argument.size() > kName.size() &&
           argument.substr(argument.size() - kName.size()) == kName;
}

bool namesMember(std::string_view argument) {
    return argument == kMember ||
           (startsWith(argument, kMemberOf) && !namesHint(argument));
}

// What a request has under an argument's source. Nothing, null and an empty id are the
// same: pages send all three for what they do not have.
struct Found {
    const Value* json = nullptr;      // in a body
    std::optional<std::string> text;  // elsewhere

    bool any() const { return json != nullptr || text.has_value(); }
};

Found lookUp(const RouteArgument& argument, const ProfileRoute& route,
             const RequestWords& words) {
    Found found;
    if (argument.from == From::Fixed) {
        found.text = argument.source;
    } else if (argument.from == From::Path) {
        for (const auto& [name, value] : pathValues(route, words.path)) {
            if (name == argument.source) {
                found.text = std::string(value);
            }
        }
    } else if (argument.from == From::Query && words.query != nullptr) {
        for (const auto& [name, value] : *words.query) {
            if (name == argument.source && !value.empty()) {
                found.text = value;
            }
        }
    } else if (words.body != nullptr) {
        const Value* value = words.body->find(argument.source);
        found.json = value == nullptr || value->is(Type::Null) ? nullptr : value;
    }
    return found;
}

Status invalid(const RouteArgument& argument) {
    return {Code::InvalidField, "profile", argument.source};
}

Status missing(const RouteArgument& argument) {
    return {Code::MissingField, "profile", argument.source};
}

// An id as text; empty where there is none. A whole number is the site's id too.
Result<std::string> idOf(const RouteArgument& argument, const Found& found) {
    if (!found.any()) {
        return std::string();
    }
    if (found.text) {
        return *found.text;
    }
    uint64_t number = 0;
    if (found.json->is(Type::String)) {
        return found.json->text;
    }
    return found.json->unsignedInteger(&number)
               ? Result<std::string>(std::to_string(number))
               : invalid(argument);
}

bool belongsToMessage(std::string_view argument) {
    return argument == "type" || argument == "data";
}

// One request on its way into our words.
class Preparation {
public:
    Preparation(const ProfileRoute& route, const RequestWords& words,
                const Identity& who)
        : route_(route), words_(words), who_(who) {}

    Result<Prepared> run();

private:
    Status take(const RouteArgument& argument);
    Status takeMember(const RouteArgument& argument, std::string id);
    Status takeHint(const RouteArgument& argument, const Found& found);
    Status takeContext(const RouteArgument& argument, std::string_view type,
                       std::string id, Context* context);
    Status takeConversation(const RouteArgument& argument, std::string id);
    Status address();
    std::string start() const;
    void write(Writer& writer, std::string_view family) const;
    void writeValue(Writer& writer, const std::string& name, const Found& found) const;

    struct Member {
        std::string id;
        std::string role;
        std::string name;
    };

    const ProfileRoute& route_;
    const RequestWords& words_;
    const Identity& who_;
    Prepared prepared_;
    std::vector<Member> members_;
    Context context_;
    Context messageContext_;
    std::vector<std::pair<std::string, Found>> plain_;  // under our names
};

Status Preparation::takeMember(const RouteArgument& argument, std::string id) {
    if (id.empty()) {
        return missing(argument);
    }
    // A team is the block's to name, never a request's.
    if (argument.from == From::Fixed ? !validId(id) : !validUser(id)) {
        return invalid(argument);
    }
    std::string role;
    if (argument.name != kMember) {
        role = argument.name.substr(kMemberOf.size());
    }
    members_.push_back({std::move(id), std::move(role), {}});
    return {};
}

// What somebody is said to be called, until they say it themselves.
Status Preparation::takeHint(const RouteArgument& argument, const Found& found) {
    if (!found.any()) {
        return {};
    }
    const std::string_view text = found.text ? *found.text : found.json->text;
    const bool string = found.text || found.json->is(Type::String);
    const std::string_view name = trim(text);
    if (!string || !validName(name, limits::kMaxName)) {
        return invalid(argument);
    }
    const std::string_view role =
        std::string_view(argument.name)
            .substr(kMemberOf.size(),
                    argument.name.size() - kMemberOf.size() - kName.size());
    for (Member& member : members_) {
        if (member.role == role) {
            member.name = name;
        }
    }
    return {};
}

Status Preparation::takeContext(const RouteArgument& argument, std::string_view type,
                                std::string id, Context* context) {
    if (id.empty()) {
        return {};
    }
    if (!validId(id)) {
        return invalid(argument);
    }
    *context = {std::string(type), std::move(id)};
    return {};
}

Status Preparation::takeConversation(const RouteArgument& argument, std::string id) {
    if (id.empty()) {
        return missing(argument);
    }
    if (!validId(id)) {
        return argument.from == From::Path ? Status(Code::NotFound) : invalid(argument);
    }
    prepared_.conversation = std::move(id);
    return {};
}

Status Preparation::take(const RouteArgument& argument) {
    const Found found = lookUp(argument, route_, words_);
    const std::string_view name = argument.name;
    if (namesHint(name)) {
        return takeHint(argument, found);
    }
    const bool message = startsWith(name, kMessageContextOf);
    const bool context = startsWith(name, kContextOf);
    if (name != "conversation" && !namesMember(name) && !message && !context) {
        if (found.any()) {
            plain_.emplace_back(argument.name, found);
        }
        return {};
    }
    Result<std::string> id = idOf(argument, found);
    if (!id.ok()) {
        return id.status();
    }
    if (name == "conversation") {
        return takeConversation(argument, std::move(id.value()));
    }
    if (namesMember(name)) {
        return takeMember(argument, std::move(id.value()));
    }
    return message ? takeContext(argument, name.substr(kMessageContextOf.size()),
                                 std::move(id.value()), &messageContext_)
                   : takeContext(argument, name.substr(kContextOf.size()),
                                 std::move(id.value()), &context_);
}

// The conversation of who asks and the members that the request names.
Status Preparation::address() {
    if (members_.empty() || route_.operation == Operation::Start) {
        return {};
    }
    std::vector<std::string> members = {who_.user};
    for (const Member& member : members_) {
        members.push_back(member.id);
    }
    prepared_.conversation =
        directId(who_.site, std::move(members), context_.type, context_.id);
    prepared_.derived = true;
    return {};
}

// --- In our words

void Preparation::writeValue(Writer& writer, const std::string& name,
                             const Found& found) const {
    writer.key(name);
    if (found.json != nullptr) {
        writer.raw(json::canonical(*found.json));
        return;
    }
    // A text that means a flag, where flags are not texts.
    const bool flag = name == "typing" ||
                      (name == "archived" && route_.operation == Operation::Change);
    if (flag && (*found.text == "true" || *found.text == "false")) {
        writer.boolean(*found.text == "true");
    } else {
        writer.string(*found.text);
    }
}

void writeContext(Writer& writer, const Context& context) {
    if (!context.type.empty()) {
        writer.key("context").object().member("type", context.type);
        writer.member("id", context.id).end();
    }
}

// The plain arguments that belong to the message ("type", "data"), or the others.
void Preparation::write(Writer& writer, std::string_view family) const {
    for (const auto& [name, found] : plain_) {
        if (family.empty() || belongsToMessage(name) == (family == "message")) {
            writeValue(writer, name, found);
        }
    }
}

std::string Preparation::start() const {
    std::string text;
    Writer writer(text);
    writer.object().key("members").array();
    for (const Member& member : members_) {
        writer.string(member.id);
    }
    writer.end().key("hints").array();
    for (const Member& member : members_) {
        if (!member.role.empty() || !member.name.empty()) {
            writer.object().member("id", member.id).member("role", member.role);
            writer.member("name", member.name).end();
        }
    }
    writer.end();
    writeContext(writer, context_);
    write(writer, "conversation");
    // Of a message there must be a content too.
    const bool more = std::any_of(plain_.begin(), plain_.end(), [](const auto& plain) {
        return belongsToMessage(plain.first);
    });
    if (more || !messageContext_.type.empty()) {
        writer.key("message").object();
        writeContext(writer, messageContext_);
        write(writer, "message");
        writer.end();
    }
    writer.end();
    return text;
}

Result<Prepared> Preparation::run() {
    // Members before what they are called.
    for (const bool hints : {false, true}) {
        for (const RouteArgument& argument : route_.arguments) {
            if (namesHint(argument.name) != hints) {
                continue;
            }
            if (Status status = take(argument); !status.ok()) {
                return status;
            }
        }
    }
    if (Status status = address(); !status.ok()) {
        return status;
    }
    if (route_.operation == Operation::Start) {
        prepared_.arguments = start();
        return std::move(prepared_);
    }
    Writer writer(prepared_.arguments);
    writer.object();
    if (route_.operation == Operation::Thread && prepared_.conversation.empty()) {
        if (context_.type.empty()) {
            return missing(route_.arguments.front());
        }
        writeContext(writer, context_);
        prepared_.derived = true;
    } else if (route_.operation == Operation::List && !context_.type.empty()) {
        writer.member("context", context_.type + ':' + context_.id);
    } else if (route_.operation == Operation::Send) {
        writeContext(writer, messageContext_);
    }
    write(writer, {});
    writer.end();
    return std::move(prepared_);
}

// --- Choosing

// The value under this name, as text; nothing where there is none.
std::optional<std::string> valueOf(const RequestWords& words, std::string_view name) {
    if (words.body != nullptr) {
        const Value* value = words.body->find(name);
        if (value == nullptr || value->is(Type::Null) ||
            (value->is(Type::String) && value->text.empty())) {
            return std::nullopt;
        }
        return value->is(Type::String) ? value->text : json::canonical(*value);
    }
    if (words.query != nullptr) {
        for (const auto& [known, value] : *words.query) {
            if (known == name && !value.empty()) {
                return value;
            }
        }
    }
    return std::nullopt;
}

bool holds(const RouteCondition& condition, const RequestWords& words) {
    const std::optional<std::string> value = valueOf(words, condition.name);
    return value && (!condition.value || *condition.value == *value);
}

}  // namespace

Result<size_t> choose(const SiteProfile& profile, const std::vector<size_t>& routes,
                      std::string_view role, const RequestWords& words) {
    const RouteCondition* lacking = nullptr;
    bool another = false;  // role's
    for (const size_t i : routes) {
        const ProfileRoute& route = profile.routes[i];
        if (!route.role.empty() && route.role != role) {
            another = true;
            continue;
        }
        const auto failed =
            std::find_if(route.conditions.begin(), route.conditions.end(),
                         [&](const RouteCondition& one) { return !holds(one, words); });
        if (failed == route.conditions.end()) {
            return i;
        }
        lacking = lacking == nullptr ? &*failed : lacking;
    }
    if (lacking == nullptr && another) {
        return {Code::ForbiddenRole, "not for the role \"" + std::string(role) + '"'};
    }
    if (lacking == nullptr) {
        return {Code::NotFound};
    }
    return {valueOf(words, lacking->name) ? Code::InvalidField : Code::MissingField,
            "profile", lacking->name};
}

Result<Prepared> prepare(const ProfileRoute& route, const RequestWords& words,
                         const Identity& who) {
    return Preparation(route, words, who).run();
}

std::string siteField(const ProfileRoute& route, std::string_view field) {
    const std::string_view first = field.substr(0, field.find('.'));
    for (const RouteArgument& argument : route.arguments) {
        if (argument.from == From::Fixed) {
            continue;
        }
        const bool same =
            argument.name == field ||
            (first == "members" && namesMember(argument.name)) ||
            (first == "context" && (startsWith(argument.name, kContextOf) ||
                                    startsWith(argument.name, kMessageContextOf))) ||
            (first == "message" && startsWith(argument.name, kMessageContextOf));
        if (same) {
            return argument.source;
        }
    }
    return std::string(field);
}

}  // namespace messaging::core
