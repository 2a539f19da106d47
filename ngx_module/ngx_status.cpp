// GET /status: which parts work, for load balancers and people. Needs no sign-in and
// tells nothing that is not everybody's to know.
#include "ngx_module/ngx_command.hpp"

#include "schema/json.hpp"

namespace messaging {
namespace {

// Somebody who asks how things are wants no long wait for the answer.
constexpr ngx_msec_t kPatience = 1000;
constexpr size_t kMaxState = 4096;

// What a worker last said of its store; "unknown" where that is no word we know.
std::string_view storeState(std::string_view state) {
    json::Bounds bounds;
    bounds.bytes = kMaxState;
    const auto parsed = json::parse(state, bounds);
    const json::Value* store = parsed.ok() ? parsed->find("store") : nullptr;
    if (store != nullptr && store->is(json::Type::String)) {
        for (const std::string_view known : {"ok", "down"}) {
            if (store->text == known) {
                return known;
            }
        }
    }
    return "unknown";
}

void takeState(Process* here, uint64_t ticket, const RedisAnswer* answer) {
    ngx_http_request_t* r = here->commands->find(ticket);
    if (r == nullptr) {
        return;
    }
    const bool refused = answer != nullptr && answer->kind == RedisAnswer::Kind::Error;
    if (refused) {
        here->logOddity("Redis refuses to tell the workers' state", answer->text);
    }
    const bool known = answer != nullptr && answer->kind == RedisAnswer::Kind::Text;
    finish(r, [&] {
        return respondStatus(r, answer != nullptr && !refused,
                             known ? answer->text : std::string_view());
    });
}

}  // namespace

ngx_int_t respondStatus(ngx_http_request_t* r, bool redisUp, std::string_view state) {
    const std::string_view worker = state.empty() ? "down" : "ok";
    const std::string_view store = storeState(state);
    const bool ok = redisUp && worker == "ok" && store == "ok";
    std::string body;
    json::Writer writer(body);
    writer.object().member("status", ok ? "ok" : "degraded").key("parts").object();
    writer.member("nginx", "ok").member("redis", redisUp ? "ok" : "down");
    writer.member("worker", worker).member("store", store).end().end();
    return respond(r, ok ? NGX_HTTP_OK : NGX_HTTP_SERVICE_UNAVAILABLE, body);
}

ngx_int_t serveStatus(ngx_http_request_t* r, const LocConf* conf) {
    Process* here = process(r);
    if (here == nullptr || !here->redis->up()) {
        return respondStatus(r, false, {});
    }
    const uint64_t ticket = reserve(r);
    if (ticket == 0) {
        // Too many wait already: workers do not keep up, if there are any.
        return respondStatus(r, true, {});
    }
    const bool sent = here->redis->command(
        {"GET", here->keys.status()},
        [here, ticket](const RedisAnswer* answer) { takeState(here, ticket, answer); });
    if (!sent) {
        unpark(r);
        return respondStatus(r, false, {});
    }
    return park(r, ngx_min(kPatience, conf->timeout));
}

}  // namespace messaging
