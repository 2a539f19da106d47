// What the rim's files share: configuration, the process's state, and each file's entry points.
#pragma once

#include "ngx_module/ngx.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_module/core/route.hpp"
#include "ngx_module/core/token.hpp"
#include "ngx_module/ngx_redis.hpp"
#include "schema/keys.hpp"
#include "schema/wire.hpp"

extern "C" {
extern ngx_module_t ngx_http_messaging_module;
}

namespace messaging {

class Streams;   // ngx_stream.cpp
class Commands;  // ngx_command.cpp

// Everything a worker process holds: made in init_process, freed in exit_process. Nothing in it
// survives a reload, and nothing has to.
struct Process : Redis::Listener {
    explicit Process(ngx_cycle_t* cycle);
    ~Process() override;

    void redisUp() override;
    void redisDown() override;
    void redisSubscribed(std::string_view channel) override;
    void redisMessage(std::string_view channel, std::string_view payload) override;

    ngx_cycle_t* cycle;
    Keys keys;
    std::string replyChannel;
    std::unique_ptr<Redis> redis;
    std::unique_ptr<Commands> commands;
    std::unique_ptr<Streams> streams;
};

// Conf structs begin with what nginx's stock setters write to (standard layout), C++ parts
// follow in the derived type; they live in cf->pool with a cleanup that destroys them.
struct MainConfBase {
    ngx_msec_t drainTime;
    ngx_uint_t maxPending;   // requests of one process that wait for a worker
    ngx_uint_t maxStreams;   // streams of one process
};
struct MainConf : MainConfBase {
    RedisConf redis;
    bool redisSet = false;
    bool used = false;  // by any location: without one the module does nothing at all
    Process* process = nullptr;
};

struct LocConfBase {
    ngx_flag_t enabled;
    ngx_msec_t timeout;       // for a worker's reply
    ngx_msec_t heartbeat;     // comment on an idle stream
    ngx_msec_t retry;         // SSE retry:, before jitter
    ngx_msec_t streamMaxAge;
    size_t streamBuffer;      // unsent bytes of a stream before it is closed as slow
    ngx_uint_t streamsPerUser;
    size_t maxBody;
    ngx_uint_t maxContent;
};
struct LocConf : LocConfBase {
    std::string site;
    std::vector<core::TokenKey> keys;        // messaging_jwt
    ngx_http_complex_value_t* user = nullptr;     // messaging_identity
    ngx_http_complex_value_t* role = nullptr;
    ngx_http_complex_value_t* name = nullptr;
    ngx_http_complex_value_t* expires = nullptr;
    ngx_str_t prefix = ngx_null_string;      // the location's name
};

// A request's own state, from the pool; for log variables too.
struct RequestContext {
    Operation operation;
    bool routed;
    ngx_str_t user;
    ngx_str_t site;
    const char* code;     // of a refusal, else "ok"
    ngx_msec_t started;
    uint64_t pending;     // ticket in Commands, 0: none
};

MainConf* mainConf(ngx_cycle_t* cycle);
LocConf* locConf(ngx_http_request_t* r);
RequestContext* context(ngx_http_request_t* r);  // nullptr: memory

// --- ngx_respond.cpp: whole answers. Each returns what a content handler should.
ngx_int_t respond(ngx_http_request_t* r, int status, std::string_view json);
ngx_int_t respondProblem(ngx_http_request_t* r, Code code, std::string_view field = {});

// --- ngx_auth.cpp: who asks. Unauthenticated, ForbiddenOrigin or ok; `expires` in Unix
// seconds, 0: not known.
Status authenticate(ngx_http_request_t* r, const LocConf* conf, Identity* who,
                    uint64_t* expires);

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

}  // namespace messaging
