// A profile as the module has it: what stands in a `messaging_profile` block. Routes
// say which request means which operation and where its arguments stand; the part that
// workers need (schema/profile.hpp) is stored under its hash. Made once, when nginx
// reads its configuration, and never changed. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ngx_module/core/route.hpp"
#include "schema/profile.hpp"
#include "schema/status.hpp"

namespace messaging::core {

// One segment of a route's path: a word, or ":name", which any segment fits.
struct PathSegment {
    std::string text;  // without the colon
    bool parameter = false;
};

// That a request has this parameter (of its query, or of its body where it has one),
// with any value or this one.
struct RouteCondition {
    std::string name;
    std::optional<std::string> value;
};

// Where an argument of an operation comes from.
struct RouteArgument {
    // conversation content subject kind status archived seq typing type data q cursor
    // limit before after unread as; member, member.ROLE, member.ROLE.name;
    // context.TYPE, message.context.TYPE (ids of things of that type).
    std::string name;
    enum class From { Path, Query, Body, Fixed } from = From::Body;
    std::string source;  // a parameter's name; Fixed: the value itself
};

struct ProfileRoute {
    Method method = Method::Get;
    std::vector<PathSegment> path;
    Operation operation = Operation::Status;
    std::string role;  // only for who has it; empty: for all
    std::vector<RouteCondition> conditions;
    std::vector<RouteArgument> arguments;
    bool all = false;    // messages are not paged, up to limits::kMaxAll
    bool reads = false;  // what it shows is marked read
};

// A refusal's body: each member is a part of our own problem document (error, code,
// status, title, retryable, field), or a text of the site's.
struct FailureMember {
    std::string name;
    std::string source;
    bool fixed = false;
};
struct FailureShape {
    unsigned status = 0;  // 0: for those that have none of their own
    std::vector<FailureMember> members;
};

struct RoleWords {
    std::string role;
    std::vector<std::string> words;  // other words for it in the site's sign-in
};

struct SiteProfile {
    Profile wording;  // its `answers` belong to `routes`
    std::string encoded;
    std::string hash;
    std::vector<RoleWords> roles;    // empty: any
    std::vector<std::string> teams;  // of the roles
    std::vector<ProfileRoute> routes;
    std::vector<FailureShape> failures;
    std::vector<std::pair<std::string, std::string>> events;  // ours, the site's

    // The role that the site's sign-in means; nothing where it has no place here.
    std::optional<std::string> roleFor(std::string_view word) const;
    std::string_view eventName(std::string_view type) const;
    // A refusal in the site's shape, from our own; nothing: as it is.
    std::optional<std::string> failure(unsigned status, std::string_view problem) const;
};

// Reads a block, line by line. A failure's detail says what is wrong with the line.
class ProfileBlock {
public:
    explicit ProfileBlock(std::string name);

    Status line(const std::vector<std::string_view>& words);
    // The whole, after its last line.
    Result<SiteProfile> finish();

private:
    using Words = std::vector<std::string_view>;

    Status roles(const Words& words);
    Status team(const Words& words);
    Status view(const Words& words, Document document, View* view);
    Status event(const Words& words);
    Status failure(const Words& words);
    Status route(const Words& words);
    Status routeOption(std::string_view word, ProfileRoute* route);
    Status routeArgument(RouteArgument argument, ProfileRoute* route);
    Status checkNames(const ProfileRoute& route) const;
    Status rule(const Words& words);
    Status ruleRoles(const Words& words, std::vector<std::string>* out);
    Status confirm(const Words& words);
    bool knowsRole(std::string_view role) const;

    SiteProfile profile_;
    std::vector<Envelope> answers_;
    bool conversationSet_ = false;
    bool messageSet_ = false;
};

// Path, "GET" and the like.
Result<std::vector<PathSegment>> parsePath(std::string_view text);

}  // namespace messaging::core
