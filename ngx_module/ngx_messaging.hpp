// What the rim's files share: configuration, the process's state, and each file's entry
// points.
//
// Who owns what: nginx's pools own configuration and whatever lives and dies with a
// request; Process owns everything else of a worker process. A request is held by nginx
// alone: whoever waits for an answer keeps a ticket or an id, never the request.
#pragma once

#include "ngx_module/ngx.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_module/core/profile.hpp"
#include "ngx_module/core/question.hpp"
#include "ngx_module/core/rate.hpp"
#include "ngx_module/core/route.hpp"
#include "ngx_module/core/token.hpp"
#include "ngx_module/ngx_redis.hpp"
#include "schema/keys.hpp"
#include "schema/language.hpp"
#include "schema/wire.hpp"

extern "C" {
extern ngx_module_t ngx_http_messaging_module;
}

namespace messaging {

class Streams;          // ngx_stream.hpp
class Commands;         // ngx_command.hpp
class RevocationWatch;  // ngx_revocation.hpp
struct MainConf;

// Everything a worker process holds: made in init_process, freed in exit_process.
// Nothing in it survives a reload, and nothing has to.
struct Process : Redis::Listener {
    Process(ngx_cycle_t* cycle, const MainConf& conf);
    ~Process() override;

    void redisUp() override;
    void redisDown() override;
    void redisSubscribed(std::string_view channel) override;
    void redisMessage(std::string_view channel, std::string_view payload) override;

    // At most once a second: what Redis sends is not ours to limit.
    void logOddity(const char* what, std::string_view detail);

    ngx_cycle_t* cycle;
    Keys keys;
    std::string replyChannel;
    core::TokenCache tokens;
    core::RateMemory rates;
    std::unique_ptr<Commands> commands;
    std::vector<uint64_t> early;  // tickets of requests that came before Redis
    std::unique_ptr<Streams> streams;
    std::unique_ptr<RevocationWatch> revocations;
    time_t lastOddity = 0;    // when something odd from Redis was last logged
    bool opaqueTold = false;  // that a site's sessions are not what they need to be
    std::unique_ptr<Redis> redis;  // last: it goes first, and calls nobody any more
};

// Conf structs begin with what nginx's stock setters write to (standard layout), C++
// parts follow in the derived type; they live in cf->pool with a cleanup that destroys
// them.
struct MainConfBase {
    ngx_msec_t drainTime;
    ngx_uint_t maxPending;  // requests of one process that wait for a worker
    ngx_uint_t
        maxStreams;  // streams of one process, 0: as many as nginx has connections
};
struct MainConf : MainConfBase {
    RedisConf redis;
    bool redisSet = false;
    bool used = false;  // by any location: without one the module does nothing at all
    std::vector<std::unique_ptr<core::SiteProfile>> profiles;  // messaging_profile
    std::unique_ptr<Process> process;
};

struct LocConfBase {
    ngx_flag_t enabled;
    ngx_msec_t timeout;    // for a worker's reply
    ngx_msec_t heartbeat;  // comment on an idle stream
    ngx_msec_t retry;      // SSE retry:, before jitter
    ngx_msec_t streamMaxAge;
    size_t streamBuffer;  // unsent bytes of a stream before it is closed as slow
    ngx_uint_t streamsPerUser;
    ngx_flag_t presence;  // others see who has a stream open
    size_t maxBody;
    ngx_uint_t maxContent;     // characters
    ngx_flag_t negotiated;     // refusals are in the language that the client prefers
    const Language* language;  // otherwise in this one
};
struct LocConf : LocConfBase {
    std::string site;
    const core::SiteProfile* profile = nullptr;  // MainConf's; nullptr: canonical
    // Sign-in: keys or identity, never both; a level that has either inherits neither.
    std::vector<core::TokenKey> keys;          // messaging_jwt, messaging_nextauth
    ngx_http_complex_value_t* user = nullptr;  // messaging_identity
    ngx_http_complex_value_t* role = nullptr;
    ngx_http_complex_value_t* name = nullptr;
    ngx_http_complex_value_t* expires = nullptr;
    // Where `messaging` stands: the location's name without a trailing slash, and the
    // line.
    std::string prefix;
    std::string place;
    bool own = false;      // `messaging` stands at this level, it is not inherited
    bool refuses = false;  // messaging_refusal
    // messaging_rate: of sends, of new conversations, and of saying that one types.
    core::Rate sends;
    core::Rate starts;
    core::Rate typings;
    bool ratesSet = false;
    // messaging_origins, of which an empty list is none; nullptr: it stands nowhere.
    std::shared_ptr<const std::vector<std::string>> origins;
    // Members that stand for a role, "team:ROLE". Never nullptr once merged.
    std::shared_ptr<const std::vector<std::string>> teams;
};

// A request's own state, from its pool and zeroed: trivial types only. For log
// variables too.
struct RequestContext {
    ngx_http_request_t* request;
    bool routed;
    Operation operation;
    bool unsafe;      // not to be asked for by another site's page
    bool reads;       // what it shows is marked read
    uint32_t route;   // of the location's profile, from 1; 0: the canonical API
    ngx_str_t shown;  // an answer that waits until what it shows is marked read
    bool restored;    // its profile was stored again, and the command repeated
    ngx_str_t user;   // who asks, once it is known; like all here in the request's pool
    ngx_str_t role;
    ngx_str_t name;
    ngx_str_t session;  // which sign-in of the user's, where a token says it
    ngx_str_t team;
    ngx_str_t site;
    const char* vary;      // what all answers of this request vary by; nullptr: nothing
    bool originListed;     // it comes from an origin of messaging_origins
    const char* code;      // of a refusal, "ok" once answered, nullptr before
    ngx_msec_t started;    // ngx_current_msec
    ngx_msec_t answered;   // likewise; 0: not yet
    uint64_t issued;       // the token, Unix seconds; 0: not said
    bool early;            // it waits for Redis, and for what it says first
    void* write;           // of a write whose body is being read
    void* command;         // a profile's, kept until its reply
    void* badge;           // of a badge that two inboxes make
    uint64_t ticket;       // in Commands, 0: waits for nothing
    ngx_event_t deadline;  // armed while it waits
};

// --- ngx_http_messaging_module.cpp
MainConf* mainConf(ngx_cycle_t* cycle);  // nullptr: no http block
MainConf* mainConf(ngx_http_request_t* r);
LocConf* locConf(ngx_http_request_t* r);
RequestContext* context(
    ngx_http_request_t* r);  // made at the first call; nullptr: memory
RequestContext* existingContext(ngx_http_request_t* r);  // nullptr: not ours

// --- ngx_conf.cpp, ngx_conf_token.cpp: setters of the directives that are more than a
// value.
char* setMessaging(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setRedis(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setJwt(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setNextauth(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setIdentity(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
// --- ngx_conf_profile.cpp: likewise.
char* setProfile(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setRefusal(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
// A handler of the rewrite phase: what comes after it would be asked twice, sign-ins of
// the site's (auth_request) among it, and refuse once more.
ngx_int_t handleRefusal(ngx_http_request_t* r);
const core::SiteProfile* findProfile(const MainConf& conf,
                                     std::string_view name);  // nullptr: none
// --- ngx_conf_edge.cpp: likewise.
char* setLanguage(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setOrigins(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* setRate(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
void setDefaultRates(LocConf& conf);
// --- ngx_conf_teams.cpp: likewise; and the team of a role, empty where it is none's.
char* setTeams(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
std::string teamOf(const LocConf* conf, std::string_view role);
std::shared_ptr<const std::vector<std::string>> teamIds(
    const std::vector<std::string>& roles);

// --- ngx_process.cpp
Process* process(ngx_http_request_t* r);  // nullptr: none in this process
// Random bytes in hexadecimal digits, which nobody guesses.
std::string randomDigits(size_t bytes);
ngx_int_t initProcess(ngx_cycle_t* cycle);
void exitProcess(ngx_cycle_t* cycle);

// --- ngx_request.cpp: the content handler.
ngx_int_t handleRequest(ngx_http_request_t* r);
// What its path asks for under this method.
core::Question questionOf(const ngx_http_request_t* r, const LocConf* conf,
                          core::Method method);

// --- ngx_origin.cpp: a handler of the phase before access.
ngx_int_t handleOrigin(ngx_http_request_t* r);

// --- ngx_respond.cpp: whole answers, sent here, so that no error_page replaces them.
// Each returns what a content handler should. The views may point anywhere; they are
// copied.
ngx_int_t respond(ngx_http_request_t* r, int status, std::string_view json);
ngx_int_t respondNothing(ngx_http_request_t* r);  // 204
// `retryAfter` seconds where they are known; else the code's own, if it has any.
ngx_int_t respondProblem(ngx_http_request_t* r, Code code, std::string_view field = {},
                         uint64_t retryAfter = 0);
// Likewise, and logs the detail of what was refused for who asked, or failed on our
// side.
ngx_int_t respondFailure(ngx_http_request_t* r, const Status& failure);
// 304 where the client has the entity of this tag, which is quoted.
ngx_int_t respondTagged(ngx_http_request_t* r, std::string_view json,
                        std::string_view etag);
// `name` is static, `value` is copied.
ngx_int_t addHeader(ngx_http_request_t* r, std::string_view name,
                    std::string_view value);
// The only header of this name; `many` tells that there are several. Case does not
// matter.
std::optional<std::string_view> requestHeader(ngx_http_request_t* r,
                                              std::string_view name, bool* many);

// --- ngx_auth.cpp: who asks, and whether the request is meant for them. What is not ok
// is refused; `expires` in Unix seconds, 0: not known.
Status authenticate(ngx_http_request_t* r, const LocConf* conf, Identity* who,
                    uint64_t* expires);

// --- ngx_badge.cpp, ngx_status.cpp. Content handlers, and their answers to a request
// that was parked (ngx_command.hpp).
ngx_int_t serveBadge(ngx_http_request_t* r, const LocConf* conf, const Identity& who);
void takeBadgeReply(Process* process, ngx_http_request_t* r, const Reply& reply);
ngx_int_t serveStatus(ngx_http_request_t* r, const LocConf* conf);
// `state` is what workers keep in Redis; empty: there is none.
ngx_int_t respondStatus(ngx_http_request_t* r, bool redisUp, std::string_view state);

// --- ngx_stream.cpp: takes the request over as an event stream.
ngx_int_t openStream(ngx_http_request_t* r, const LocConf* conf, const Identity& who,
                     uint64_t expires);

// A callback that comes from C: nothing thrown inside gets out.
template <typename Result, typename Body>
Result guard(ngx_log_t* log, Result failure, Body body) noexcept {
    try {
        return body();
    } catch (const std::exception& error) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "messaging: %s", error.what());
    } catch (...) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "messaging: unknown exception");
    }
    return failure;
}

inline std::string_view view(const ngx_str_t& text) {
    return {reinterpret_cast<const char*>(text.data), text.len};
}

// A view of static text as nginx's string: nginx does not write to it.
inline ngx_str_t ngxString(std::string_view text) {
    return {text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
}

// An object in a pool, destroyed with it; nullptr: no memory.
template <typename T>
T* makeInPool(ngx_pool_t* pool) {
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, sizeof(T));
    if (cleanup == nullptr) {
        return nullptr;
    }
    auto* object = new (cleanup->data) T();
    cleanup->handler = [](void* data) { static_cast<T*>(data)->~T(); };
    return object;
}

// A copy in the pool; data is nullptr if there is no memory.
ngx_str_t copyToPool(ngx_pool_t* pool, std::string_view text);

}  // namespace messaging
