// A profile's routes: their lines in the block, and which of them a request's path and
// method mean.
#include <algorithm>

#include "ngx_module/core/profile.hpp"
#include "ngx_module/core/profile_request.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::core {
namespace {

Status wrong(std::string detail) {
    return {Code::InvalidField, std::move(detail)};
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

bool startsWith(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

// --- What a line may say

struct MethodWord {
    Method method;
    std::string_view name;
};
constexpr MethodWord kMethods[] = {{Method::Get, "GET"},
                                   {Method::Post, "POST"},
                                   {Method::Put, "PUT"},
                                   {Method::Patch, "PATCH"},
                                   {Method::Delete, "DELETE"}};

std::optional<Method> methodNamed(std::string_view name) {
    for (const MethodWord& word : kMethods) {
        if (word.name == name) {
            return word.method;
        }
    }
    return std::nullopt;
}

std::string_view methodName(Method method) {
    for (const MethodWord& word : kMethods) {
        if (word.method == method) {
            return word.name;
        }
    }
    return {};
}

// What an operation takes. "member" stands for member.ROLE too, where the operation
// takes several; what ends in a dot goes on with a word of the site's.
struct Takes {
    Operation operation;
    std::string_view arguments;  // by blanks
    std::string_view needs;      // one of them at least; empty: none
    std::string_view needsToo;
};
constexpr Takes kTakes[] = {
    {Operation::Start,
     " member member. content subject kind as context. message.context. type data ",
     " member member. ", ""},
    {Operation::Send,
     " conversation member member. context. content message.context. type data ",
     " conversation member member. ", " content "},
    {Operation::Read, " conversation member member. context. seq ",
     " conversation member member. ", ""},
    {Operation::Change, " conversation status subject archived ", " conversation ", ""},
    {Operation::Typing, " conversation member member. context. typing ",
     " conversation member member. ", ""},
    {Operation::History, " conversation member member. context. before after limit ",
     " conversation member member. ", ""},
    {Operation::Thread, " conversation member member. context. before after limit ",
     " conversation member member. context. ", ""},
    {Operation::Conversation, " conversation ", " conversation ", ""},
    {Operation::List, " status unread archived context. q cursor limit ", "", ""},
    {Operation::Search, " q cursor limit ", " q ", ""},
    {Operation::UnreadCount, "", "", ""},
    {Operation::Stream, "", "", ""},
    {Operation::Status, "", "", ""},
};

const Takes* takesOf(Operation operation) {
    for (const Takes& takes : kTakes) {
        if (takes.operation == operation) {
            return &takes;
        }
    }
    return nullptr;
}

// "context.product" is listed as "context.", "member.client.name" as "member.".
bool listed(std::string_view list, std::string_view argument) {
    std::string entry = " " + std::string(argument) + " ";
    if (list.find(entry) != list.npos) {
        return true;
    }
    for (const std::string_view family : {"message.context.", "context.", "member."}) {
        if (startsWith(argument, family)) {
            entry = " " + std::string(family) + " ";
            return argument.size() > family.size() && list.find(entry) != list.npos;
        }
    }
    return false;
}

bool listsAny(std::string_view list, const ProfileRoute& route) {
    return std::any_of(
        route.arguments.begin(), route.arguments.end(),
        [&](const RouteArgument& argument) { return listed(list, argument.name); });
}

const PathSegment* parameterOf(const ProfileRoute& route, std::string_view name) {
    for (const PathSegment& segment : route.path) {
        if (segment.parameter && segment.text == name) {
            return &segment;
        }
    }
    return nullptr;
}

bool pages(Operation operation) {
    return operation == Operation::History || operation == Operation::Thread;
}

// Whether a browser's plain navigation or image could trigger it.
bool safe(Operation operation) {
    return !isWrite(operation) && operation != Operation::Typing;
}

// What an argument of few values may always be; others are judged as a client's are.
struct Values {
    std::string_view argument;
    std::string_view values;  // by blanks
};
constexpr Values kValues[] = {{"kind", " direct ticket "},  {"as", " user team "},
                              {"status", " open closed "},  {"unread", " true false "},
                              {"archived", " true false "}, {"typing", " true false "}};

bool fitsArgument(std::string_view argument, std::string_view value) {
    for (const Values& few : kValues) {
        if (few.argument == argument) {
            return few.values.find(" " + std::string(value) + " ") != few.values.npos;
        }
    }
    for (const std::string_view number : {"limit", "before", "after", "seq"}) {
        if (number == argument) {
            const auto counted = parseUnsigned(value);
            return counted && (argument != "limit" ||
                               (*counted > 0 && *counted <= limits::kMaxPage));
        }
    }
    return !value.empty();
}

bool sameQuestion(const ProfileRoute& one, const ProfileRoute& other) {
    return one.method == other.method && shapeOf(one.path) == shapeOf(other.path) &&
           std::equal(one.path.begin(), one.path.end(), other.path.begin(),
                      [](const PathSegment& a, const PathSegment& b) {
                          return a.parameter || a.text == b.text;
                      });
}

// Whether the earlier route takes whatever the later one could.
bool hides(const ProfileRoute& earlier, const ProfileRoute& later) {
    return sameQuestion(earlier, later) && earlier.conditions.empty() &&
           (earlier.role.empty() || earlier.role == later.role);
}

Status checkWhole(const ProfileRoute& route, const Takes& takes) {
    if ((route.method == Method::Get) != safe(route.operation)) {
        return wrong(
            "an operation that changes something goes with POST, PUT, PATCH "
            "or DELETE, and one that shows something with GET");
    }
    for (const RouteArgument& argument : route.arguments) {
        if (!listed(takes.arguments, argument.name)) {
            return wrong("the operation has no argument " + quoted(argument.name));
        }
    }
    for (const std::string_view needed : {takes.needs, takes.needsToo}) {
        if (!needed.empty() && !listsAny(needed, route)) {
            return wrong("an argument is missing, one of:" + std::string(needed));
        }
    }
    if (listsAny(" conversation ", route) && listsAny(" member member. ", route)) {
        return wrong("a conversation is told by its id or by who is in it");
    }
    for (const PathSegment& segment : route.path) {
        const bool used =
            !segment.parameter ||
            std::any_of(route.arguments.begin(), route.arguments.end(),
                        [&](const RouteArgument& argument) {
                            return argument.from == RouteArgument::From::Path &&
                                   argument.source == segment.text;
                        });
        if (!used) {
            return wrong("no argument is taken from " + quoted(":" + segment.text));
        }
    }
    if (route.all && !pages(route.operation)) {
        return wrong("\"all\" goes with history and thread");
    }
    return !route.reads || pages(route.operation)
               ? Status()
               : wrong("\"reads\" goes with history and thread");
}

}  // namespace

Result<std::vector<PathSegment>> parsePath(std::string_view text) {
    std::vector<PathSegment> path;
    if (text.empty() || text.front() != '/') {
        return wrong("a path begins with \"/\": " + quoted(text));
    }
    while (!text.empty()) {
        text.remove_prefix(1);
        std::string_view segment = text.substr(0, text.find('/'));
        text.remove_prefix(segment.size());
        const bool parameter = !segment.empty() && segment.front() == ':';
        segment.remove_prefix(parameter ? 1 : 0);
        if (segment.empty() || (parameter && !validWord(segment))) {
            return wrong("an empty segment, or a parameter without a name");
        }
        for (const PathSegment& other : path) {
            if (parameter && other.parameter && other.text == segment) {
                return wrong("a parameter stands twice: " + quoted(segment));
            }
        }
        path.push_back({std::string(segment), parameter});
    }
    return path;
}

std::string shapeOf(const std::vector<PathSegment>& path) {
    std::string shape;
    for (const PathSegment& segment : path) {
        shape += segment.parameter ? 'P' : 'L';
    }
    return shape;
}

// --- route METHOD PATH OPERATION …;

Status ProfileBlock::routeOption(std::string_view word, ProfileRoute* route) {
    if (word == "all" || word == "reads") {
        (word == "all" ? route->all : route->reads) = true;
        return {};
    }
    const bool fixed = startsWith(word, "fixed:");
    word.remove_prefix(fixed ? 6 : 0);
    const size_t at = word.find('=');
    const std::string_view name = word.substr(0, at);
    const std::string_view value = at == word.npos ? word : word.substr(at + 1);
    if (fixed) {
        if (at == word.npos || !countCharacters(value)) {
            return wrong("NAME=VALUE is expected after \"fixed:\"");
        }
        return routeArgument(
            {std::string(name), RouteArgument::From::Fixed, std::string(value)}, route);
    }
    if (name == "if") {
        const size_t colon = value.find(':');
        RouteCondition condition{std::string(value.substr(0, colon)), {}};
        if (colon != value.npos) {
            condition.value = value.substr(colon + 1);
        }
        route->conditions.push_back(std::move(condition));
        return validWord(route->conditions.back().name)
                   ? Status()
                   : wrong("not a parameter's name: " + quoted(value));
    }
    if (name == "role") {
        route->role = value;
        return knowsRole(value) ? Status()
                                : wrong("not one of the roles: " + quoted(value));
    }
    if (name == "answer") {
        const std::optional<Envelope> envelope = envelopeNamed(value);
        if (!envelope || !fits(route->operation, *envelope)) {
            return wrong("the operation has no answer " + quoted(value));
        }
        answers_.back() = *envelope;
        return {};
    }
    if (!validWord(value)) {
        return wrong("not a parameter's name: " + quoted(value));
    }
    const auto from = parameterOf(*route, value) != nullptr ? RouteArgument::From::Path
                      : route->method == Method::Get        ? RouteArgument::From::Query
                                                            : RouteArgument::From::Body;
    return routeArgument({std::string(name), from, std::string(value)}, route);
}

// Of one thing each: what a conversation is about, and what a message is.
Status ProfileBlock::routeArgument(RouteArgument argument, ProfileRoute* route) {
    for (const RouteArgument& other : route->arguments) {
        if (other.name == argument.name) {
            return wrong("an argument stands twice: " + quoted(argument.name));
        }
        for (const std::string_view family : {"message.context.", "context."}) {
            if (startsWith(argument.name, family) && startsWith(other.name, family)) {
                return wrong("there is one context, beside " + quoted(other.name));
            }
        }
    }
    if (argument.from == RouteArgument::From::Fixed &&
        !fitsArgument(argument.name, argument.source)) {
        return wrong("not a value of " + quoted(argument.name) + ": " +
                     quoted(argument.source));
    }
    route->arguments.push_back(std::move(argument));
    return {};
}

// What arguments name must be there: roles, teams, and who a hint is of.
Status ProfileBlock::checkNames(const ProfileRoute& route) const {
    for (const RouteArgument& argument : route.arguments) {
        std::string_view name = argument.name;
        constexpr std::string_view kMember = "member.";
        constexpr std::string_view kTeam = "team:";
        if (startsWith(name, kMember)) {
            const std::string_view of = name.substr(0, name.find('.', kMember.size()));
            const std::string_view role = of.substr(kMember.size());
            if (!validWord(role) || (!profile_.roles.empty() && !knowsRole(role))) {
                return wrong("not one of the roles: " + quoted(role));
            }
            if (of != name && (name.substr(of.size()) != ".name" ||
                               !listsAny(" " + std::string(of) + " ", route))) {
                return wrong("a name goes with its member: " + quoted(name));
            }
        } else if (const size_t family = name.rfind("context.");
                   family != name.npos &&
                   !validWord(name.substr(family + std::size("context.") - 1))) {
            return wrong("not a type of context: " + quoted(name));
        }
        const std::string_view fixed = argument.source;
        const auto& teams = profile_.teams;
        if (argument.from == RouteArgument::From::Fixed && startsWith(name, "member") &&
            startsWith(fixed, kTeam) &&
            std::find(teams.begin(), teams.end(), fixed.substr(kTeam.size())) ==
                teams.end()) {
            return wrong("not one of the teams: " + quoted(fixed));
        }
    }
    return {};
}

Status ProfileBlock::route(const Words& words) {
    if (words.size() < 4) {
        return wrong("a method, a path and an operation are expected");
    }
    if (profile_.routes.size() == limits::kMaxRoutes) {
        return wrong("too many routes");
    }
    const std::optional<Method> method = methodNamed(words[1]);
    if (!method) {
        return wrong("unknown method " + quoted(words[1]));
    }
    Result<std::vector<PathSegment>> path = parsePath(words[2]);
    if (!path.ok()) {
        return path.status();
    }
    const std::optional<Operation> operation = operationNamed(words[3]);
    const Takes* takes = operation ? takesOf(*operation) : nullptr;
    if (takes == nullptr) {
        return wrong("unknown operation " + quoted(words[3]));
    }
    ProfileRoute route;
    route.method = *method;
    route.path = std::move(path.value());
    route.operation = *operation;
    answers_.push_back(Envelope::Canonical);
    for (size_t i = 4; i < words.size(); ++i) {
        if (Status status = routeOption(words[i], &route); !status.ok()) {
            return status;
        }
    }
    if (Status status = checkWhole(route, *takes); !status.ok()) {
        return status;
    }
    if (Status status = checkNames(route); !status.ok()) {
        return status;
    }
    for (const ProfileRoute& earlier : profile_.routes) {
        if (hides(earlier, route)) {
            return wrong(
                "is never reached: a route before it takes all of its "
                "requests");
        }
    }
    profile_.routes.push_back(std::move(route));
    return {};
}

// --- Which routes a request means

namespace {

// The segments of a request's path.
std::vector<std::string_view> segmentsOf(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty() && path.front() == '/') {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        segments.push_back(segment);
        path.remove_prefix(segment.size());
    }
    return segments;
}

bool fitsPath(const std::vector<PathSegment>& path,
              const std::vector<std::string_view>& segments) {
    return std::equal(path.begin(), path.end(), segments.begin(), segments.end(),
                      [](const PathSegment& wanted, std::string_view segment) {
                          return wanted.parameter ? !segment.empty()
                                                  : wanted.text == segment;
                      });
}

void allow(std::string* list, Method method) {
    const std::string_view name = methodName(method);
    const std::string with = ", " + *list + ",";
    if (with.find(", " + std::string(name) + ",") == with.npos) {
        *list += (list->empty() ? "" : ", ") + std::string(name);
    }
}

}  // namespace

Candidates candidatesFor(const SiteProfile& profile, Method method,
                         std::string_view path) {
    const std::vector<std::string_view> segments = segmentsOf(path);
    std::vector<size_t> fitting;
    Candidates found;
    for (size_t i = 0; i < profile.routes.size(); ++i) {
        const ProfileRoute& route = profile.routes[i];
        if (!fitsPath(route.path, segments)) {
            continue;
        }
        const std::string shape = shapeOf(route.path);
        if (fitting.empty() || shape < found.shape) {
            fitting.clear();
            found.shape = shape;
        }
        if (shape == found.shape) {
            fitting.push_back(i);
        }
    }
    if (fitting.empty()) {
        return found;
    }
    const Method asked = method == Method::Head ? Method::Get : method;
    for (const size_t i : fitting) {
        const ProfileRoute& route = profile.routes[i];
        const bool endless = route.operation == Operation::Stream;
        if (route.method == asked && !(method == Method::Head && endless)) {
            found.routes.push_back(i);
        }
        allow(&found.allow, route.method);
        if (route.method == Method::Get && !endless) {
            found.allow +=
                found.allow.find("HEAD") == std::string::npos ? ", HEAD" : "";
        }
    }
    found.match = found.routes.empty() ? Route::Match::NoMethod : Route::Match::Found;
    return found;
}

PathValues pathValues(const ProfileRoute& route, std::string_view path) {
    const std::vector<std::string_view> segments = segmentsOf(path);
    PathValues values;
    for (size_t i = 0; i < route.path.size() && i < segments.size(); ++i) {
        if (route.path[i].parameter) {
            values.emplace_back(route.path[i].text, segments[i]);
        }
    }
    return values;
}

}  // namespace messaging::core
