// GET /unread-count: what every page of a site asks again and again. Answered from
// Redis, where workers keep it until something changes; a miss asks a worker. A person
// with a team has the badges of two inboxes, each cached by itself; the sum is made
// here.
#include "ngx_module/ngx_command.hpp"

#include "ngx_module/core/badge.hpp"
#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/model.hpp"

namespace messaging {
namespace {

// What is known so far, of a request that waits; in its pool.
struct Badge {
    std::string own;  // empty: not known
    std::string team;
    bool both = false;        // there are two
    int waiting = 0;          // answers of Redis that are still to come
    bool askingTeam = false;  // what a worker was asked last
};

Badge* badgeOf(ngx_http_request_t* r) {
    return static_cast<Badge*>(existingContext(r)->badge);
}

// A worker's answer, and not its nonce, nor what somebody else wrote there.
bool isAnswer(const RedisAnswer& answer) {
    return answer.kind == RedisAnswer::Kind::Text && !answer.text.empty() &&
           answer.text[0] == '{' && answer.text.size() <= limits::kMaxReply &&
           json::validLine(answer.text);
}

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

// The identity stands in the context: the one that was signed in is gone by now.
void askWorker(Process* here, uint64_t ticket, ngx_http_request_t* r, bool team) {
    badgeOf(r)->askingTeam = team;
    Command command;
    command.operation = Operation::UnreadCount;
    const RequestContext* own = existingContext(r);
    command.who.site = view(own->site);
    command.who.user = view(own->user);
    command.who.role = view(own->role);
    command.who.name = view(own->name);
    command.who.team = view(own->team);
    command.body = encode(UnreadArguments{team});
    if (!enqueue(here, ticket, locConf(r), &command)) {
        finish(r, [r] { return respondProblem(r, Code::RedisUnavailable); });
    }
}

// Answers, or asks for what is missing.
void proceed(Process* here, uint64_t ticket, ngx_http_request_t* r) {
    const Badge& badge = *badgeOf(r);
    if (badge.own.empty() || (badge.both && badge.team.empty())) {
        askWorker(here, ticket, r, !badge.own.empty());
        return;
    }
    finish(r, [&] {
        if (!badge.both) {
            return respondBadge(r, badge.own);
        }
        const auto sum =
            core::joinBadges(badge.own, badge.team, view(existingContext(r)->team));
        return sum ? respondBadge(r, *sum)
                   : respondFailure(r, {Code::Internal, "counts that cannot be read"});
    });
}

// Whether it can be taken for the person's own: what was counted for another team, or
// for none, says too little or too much.
bool fitting(ngx_http_request_t* r, std::string_view own) {
    const std::string_view team = view(existingContext(r)->team);
    return team.empty() ? core::isPlain(own) : core::isBeside(own, team);
}

void takeCached(Process* here, uint64_t ticket, bool team, const RedisAnswer* answer) {
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
        return;
    }
    Badge& badge = *badgeOf(r);
    if (isAnswer(*answer) &&
        (team ? core::isPlain(answer->text) : fitting(r, answer->text))) {
        (team ? badge.team : badge.own) = answer->text;
    }
    if (--badge.waiting == 0) {
        proceed(here, ticket, r);
    }
}

bool askCache(Process* here, uint64_t ticket, Badge* badge, bool team,
              const std::string& inbox) {
    ++badge->waiting;
    return here->redis->command({"GET", here->keys.badge(inbox, here->redis->run())},
                                [here, ticket, team](const RedisAnswer* answer) {
                                    takeCached(here, ticket, team, answer);
                                });
}

}  // namespace

void takeBadgeReply(Process* here, ngx_http_request_t* r, const Reply& reply) {
    Badge& badge = *badgeOf(r);
    const uint64_t ticket = existingContext(r)->ticket;
    const bool good =
        badge.askingTeam ? core::isPlain(reply.body) : fitting(r, reply.body);
    if (!good) {
        finish(r, [&] {
            return respondFailure(
                r, {Code::Internal, "command " + reply.id + ": a count of no kind"});
        });
        return;
    }
    (badge.askingTeam ? badge.team : badge.own) = reply.body;
    proceed(here, ticket, r);
}

ngx_int_t serveBadge(ngx_http_request_t* r, const LocConf* conf, const Identity& who) {
    Process* here = process(r);
    auto* badge = makeInPool<Badge>(r->pool);
    if (badge == nullptr) {
        return NGX_ERROR;
    }
    badge->both = !who.team.empty();
    existingContext(r)->badge = badge;
    const uint64_t ticket = reserve(r);
    if (ticket == 0) {
        return respondProblem(r, Code::QueueFull);
    }
    // One key a command: the two are in different slots of a cluster.
    const bool sent =
        askCache(here, ticket, badge, false, inboxId(who.site, who.user)) &&
        (!badge->both ||
         askCache(here, ticket, badge, true, inboxId(who.site, who.team)));
    if (!sent) {
        unpark(r);
        return respondProblem(r, Code::RedisUnavailable);
    }
    return park(r, conf->timeout);
}

}  // namespace messaging
