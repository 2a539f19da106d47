// GET /unread-count: what every page of a site asks again and again. Answered from
// Redis, where workers keep it until something changes; a miss asks a worker.
#include "ngx_module/ngx_command.hpp"

#include "ngx_module/core/badge.hpp"
#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/limits.hpp"

namespace messaging {
namespace {

// A worker's answer, and not its nonce, nor what somebody else wrote there.
bool isAnswer(const RedisAnswer& answer) {
    return answer.kind == RedisAnswer::Kind::Text && !answer.text.empty() &&
           answer.text[0] == '{' && answer.text.size() <= limits::kMaxReply &&
           json::validLine(answer.text);
}

// The identity stands in the context: the one that was signed in is gone by now.
void askWorker(Process* here, uint64_t ticket, ngx_http_request_t* r) {
    Command command;
    command.operation = Operation::UnreadCount;
    const RequestContext* own = existingContext(r);
    command.who.site = view(own->site);
    command.who.user = view(own->user);
    command.who.role = view(own->role);
    command.who.name = view(own->name);
    command.body = "{}";
    if (!enqueue(here, ticket, locConf(r), &command)) {
        finish(r, [r] { return respondProblem(r, Code::RedisUnavailable); });
    }
}

void takeCached(Process* here, uint64_t ticket, const RedisAnswer* answer) {
    ngx_http_request_t* r = here->commands->find(ticket);
    if (r == nullptr) {
        return;
    }
    const bool refused = answer != nullptr && answer->kind == RedisAnswer::Kind::Error;
    if (refused) {
        here->logOddity("Redis refuses to tell a badge", answer->text);
    }
    if (answer == nullptr || refused) {
        finish(r, [r] { return respondProblem(r, Code::RedisUnavailable); });
    } else if (isAnswer(*answer)) {
        finish(r, [&] { return respondBadge(r, answer->text); });
    } else {
        askWorker(here, ticket, r);
    }
}

}  // namespace

ngx_int_t respondBadge(ngx_http_request_t* r, std::string_view json) {
    const RequestContext* own = existingContext(r);
    if (own->route != 0) {
        const auto worded = render(locConf(r)->profile->wording, own->route - 1,
                                   Operation::UnreadCount, Identity(), json);
        return worded.ok()
                   ? respondTagged(r, worded.value(), core::etagOf(worded.value()))
                   : respondFailure(r, worded.status());
    }
    return respondTagged(r, json, core::etagOf(json));
}

ngx_int_t serveBadge(ngx_http_request_t* r, const LocConf* conf, const Identity& who) {
    Process* here = process(r);
    const uint64_t ticket = reserve(r);
    if (ticket == 0) {
        return respondProblem(r, Code::QueueFull);
    }
    const std::string key =
        here->keys.badge(inboxId(who.site, who.user), here->redis->run());
    const bool sent =
        here->redis->command({"GET", key}, [here, ticket](const RedisAnswer* answer) {
            takeCached(here, ticket, answer);
        });
    if (!sent) {
        unpark(r);
        return respondProblem(r, Code::RedisUnavailable);
    }
    return park(r, conf->timeout);
}

}  // namespace messaging
