// Rates of one user (core/rate.hpp), asked and told of Redis. A request that is let
// through unasked costs one script more in the pipeline that carries its command, and
// no wait.
#include "ngx_module/ngx_command.hpp"

#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/limits.hpp"

namespace messaging {
namespace {

using Charges = std::vector<core::Charge>;
using Verdict = core::RateMemory::Verdict;

uint64_t microseconds() {
    return static_cast<uint64_t>(ngx_current_msec) * 1000;
}

uint64_t seconds(uint64_t wait) {
    return (wait + 999999) / 1000000;
}

void charge(ngx_http_request_t* r, const core::Rate& rate, std::string_view what,
            Charges* charges) {
    if (rate.limited()) {
        const RequestContext* own = existingContext(r);
        const std::string inbox = inboxId(view(own->site), view(own->user));
        charges->push_back({process(r)->keys.rate(inbox, what), rate});
    }
}

// A start says something too where it has content.
bool hasContent(const Command& command) {
    json::Bounds bounds;
    bounds.bytes = limits::kMaxArguments;
    const auto body = json::parse(command.body, bounds);
    return body.ok() && body->find("content") != nullptr;
}

Charges chargesOf(ngx_http_request_t* r, const LocConf* conf, const Command& command) {
    Charges charges;
    const bool start = command.operation == Operation::Start;
    if (start) {
        charge(r, conf->starts, "start", &charges);
    }
    if (command.operation == Operation::Send ||
        (start && conf->sends.limited() && hasContent(command))) {
        charge(r, conf->sends, "send", &charges);
    }
    return charges;
}

bool runScript(Process* here, const Charges& charges, std::string_view mode,
               Redis::Done done) {
    std::vector<std::string> words = {"EVAL", kRateScript,
                                      std::to_string(charges.size())};
    for (const core::Charge& charge : charges) {
        words.push_back(charge.key);
    }
    words.emplace_back(mode);
    for (const core::Charge& charge : charges) {
        words.push_back(std::to_string(charge.rate.interval));
        words.push_back(std::to_string(charge.rate.burst));
    }
    return here->redis->command({words.begin(), words.end()}, std::move(done));
}

// What Redis says of each bucket; false if it says nothing that can be read.
bool learn(Process* here, const Charges& charges, const RedisAnswer& answer, bool* fits,
           uint64_t* wait) {
    using Kind = RedisAnswer::Kind;
    if (answer.kind != Kind::Array || answer.items.size() != charges.size() + 1) {
        here->logOddity("Redis does not count for messaging_rate",
                        answer.kind == Kind::Error ? answer.text : "another answer");
        return false;
    }
    *fits = answer.items[0].integer == 1;
    *wait = 0;
    for (size_t i = 0; i < charges.size(); i++) {
        const uint64_t debt =
            static_cast<uint64_t>(ngx_max(answer.items[i + 1].integer, 0LL));
        *wait = ngx_max(*wait, core::rateWait(charges[i].rate, debt));
        here->rates.learn(charges[i], debt, microseconds());
    }
    return true;
}

ngx_int_t refuse(ngx_http_request_t* r, uint64_t wait) {
    return respondProblem(r, Code::RateLimited, {},
                          ngx_max(seconds(wait), uint64_t{1}));
}

// Redis's word on a request that waits for it.
void takeVerdict(Process* here, uint64_t ticket, const Charges& charges,
                 Command* command, const RedisAnswer* answer) {
    ngx_http_request_t* r = here->commands->find(ticket);
    bool fits = false;
    uint64_t wait = 0;
    const bool known = answer != nullptr && learn(here, charges, *answer, &fits, &wait);
    if (r == nullptr) {
        return;
    }
    if (known && !fits) {
        finish(r, [&] { return refuse(r, wait); });
    } else if (!known || !enqueue(here, ticket, locConf(r), command)) {
        finish(r, [r] { return respondProblem(r, Code::RedisUnavailable); });
    }
}

ngx_int_t askRate(ngx_http_request_t* r, const LocConf* conf, const Charges& charges,
                  Command* command) {
    Process* here = process(r);
    const uint64_t ticket = reserve(r);
    if (ticket == 0) {
        return respondProblem(r, Code::QueueFull);
    }
    auto waiting = std::make_shared<Command>(std::move(*command));
    const bool sent =
        runScript(here, charges, "ask",
                  [here, ticket, charges, waiting](const RedisAnswer* answer) {
                      takeVerdict(here, ticket, charges, waiting.get(), answer);
                  });
    if (!sent) {
        unpark(r);
        return respondProblem(r, Code::RedisUnavailable);
    }
    return park(r, conf->timeout);
}

}  // namespace

ngx_int_t askWithinRate(ngx_http_request_t* r, const LocConf* conf, Command* command) {
    const Charges charges = chargesOf(r, conf, *command);
    if (charges.empty()) {
        return ask(r, conf, command);
    }
    Process* here = process(r);
    uint64_t wait = 0;
    switch (here->rates.judge(charges, microseconds(), &wait)) {
        case Verdict::Refuse:
            return refuse(r, wait);
        case Verdict::Ask:
            return askRate(r, conf, charges, command);
        case Verdict::Pass:
            break;
    }
    // If it cannot be sent, the command after it cannot be either.
    runScript(here, charges, "take", [here, charges](const RedisAnswer* answer) {
        bool fits = false;
        uint64_t after = 0;
        if (answer != nullptr) {
            learn(here, charges, *answer, &fits, &after);
        }
    });
    return ask(r, conf, command);
}

void refundStart(ngx_http_request_t* r) {
    Charges charges;
    charge(r, locConf(r)->starts, "start", &charges);
    if (!charges.empty()) {
        Process* here = process(r);
        here->rates.refund(charges[0], microseconds());
        runScript(here, charges, "back", [](const RedisAnswer*) {});
    }
}

}  // namespace messaging
