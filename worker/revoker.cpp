// The order is what matters: a revocation is in the store before anybody hears of it,
// so that the list can be made again from there.
#include "worker/revoker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::worker {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kEvery{250};
constexpr size_t kChunk = 500;            // revocations told in one script
constexpr size_t kMaxText = 4096;         // of what a site writes
constexpr std::string_view kTake = "99";  // taken at once: the last one's index
constexpr std::string_view kListSeconds = "86400";

uint64_t unixNow() {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch())
            .count());
}

bool isStores(const Status& status) {
    return status.code() == Code::StoreUnavailable || status.code() == Code::Internal;
}

Status takeText(const json::Value& value, std::string_view name, std::string* out) {
    if (!value.is(json::Type::String)) {
        return {Code::InvalidField, "not a string", std::string(name)};
    }
    *out = value.text;
    return {};
}

}  // namespace

Result<Revocation> parseRevocation(std::string_view text, uint64_t now) {
    json::Bounds bounds;
    bounds.bytes = kMaxText;
    auto parsed = json::parse(text, bounds);
    if (!parsed.ok()) {
        return parsed.status();
    }
    if (!parsed->is(json::Type::Object)) {
        return {Code::InvalidJson, "not an object"};
    }
    Revocation revocation;
    revocation.at = now;
    uint64_t lasts = limits::kRevocationSeconds;
    for (const auto& [name, value] : parsed->members) {
        Status status;
        if (name == "site") {
            status = takeText(value, name, &revocation.site);
        } else if (name == "user") {
            status = takeText(value, name, &revocation.user);
        } else if (name == "session") {
            status = takeText(value, name, &revocation.session);
        } else if (name == "at" || name == "for") {
            uint64_t& number = name == "at" ? revocation.at : lasts;
            if (!value.unsignedInteger(&number) ||
                (name == "for" && number > limits::kMaxRevocationSeconds)) {
                status = {Code::InvalidField, "not a number of seconds", name};
            }
        } else {
            status = {Code::UnknownField, "unknown", name};
        }
        if (!status.ok()) {
            return status;
        }
    }
    revocation.until = now + lasts;
    const Status status = validate(revocation);
    return status.ok() ? Result<Revocation>(std::move(revocation)) : status;
}

Revoker::Revoker(const RedisOptions& redis, Keys keys, Store& store)
    : session_(redis, {kRevokeScript}), keys_(std::move(keys)), store_(store) {}

Status Revoker::revoke(const Revocation& revocation, uint64_t now) {
    Status status = store(revocation, now);
    return status.ok() ? tell({revocation}, "add", now) : status;
}

// At the bound an operator has to choose shorter times: to forget one in silence would
// let somebody in again.
Status Revoker::store(const Revocation& revocation, uint64_t now) {
    auto known = store_.revocations(now);
    if (!known.ok()) {
        return known.status();
    }
    const bool again =
        std::any_of(known->begin(), known->end(), [&](const Revocation& one) {
            return one.site == revocation.site && one.user == revocation.user &&
                   one.session == revocation.session;
        });
    if (!again && known->size() >= limits::kMaxRevocations) {
        return {Code::InvalidField, "there are " + std::to_string(known->size()) +
                                        " revocations already, which is all"};
    }
    Status status = store_.forgetRevocations(now);
    return status.ok() ? store_.revoke(revocation) : status;
}

Status Revoker::tell(const std::vector<Revocation>& revocations, std::string_view what,
                     uint64_t now) {
    if (!session_.connected()) {
        return {Code::RedisUnavailable, "no connection"};
    }
    const std::string channel = keys_.revoked();
    std::vector<std::string> words = {channel, std::to_string(now), std::string(what)};
    for (const Revocation& one : revocations) {
        words.push_back(revocationName(one.site, one.user, one.session));
        words.push_back(std::to_string(one.at));
        words.push_back(std::to_string(one.until));
    }
    const std::string key = list();
    session_.script(0, {key}, {words.begin(), words.end()});
    auto answers = session_.redis().flush();
    return answers.ok() ? session_.expect(answers.value()[0]) : answers.status();
}

Status Revoker::restore(uint64_t now) {
    auto known = store_.revocations(now);
    if (!known.ok()) {
        return known.status();
    }
    for (size_t at = 0; at < known->size(); at += kChunk) {
        const auto from = known->begin() + static_cast<ptrdiff_t>(at);
        const auto to =
            from + static_cast<ptrdiff_t>(std::min(kChunk, known->size() - at));
        if (Status status = tell({from, to}, "fill", now); !status.ok()) {
            return status;
        }
    }
    return tell({}, "complete", now);
}

Status Revoker::take(const std::string& text, uint64_t now) {
    auto revocation = parseRevocation(text, now);
    Status status =
        revocation.ok() ? revoke(revocation.value(), now) : revocation.status();
    if (status.ok()) {
        spdlog::info("revoked {} of site {}{}", revocation->user, revocation->site,
                     revocation->session.empty() ? "" : ", one session");
    } else if (isStores(status) || status.code() == Code::RedisUnavailable) {
        return status;  // it stays in the list
    } else {
        spdlog::error("{} holds what is no revocation: {} {}", keys_.revoke(),
                      status.field(), status.detail());
    }
    auto removed = session_.redis().call({"LREM", keys_.revoke(), "1", text});
    return removed.ok() ? session_.expect(removed.value()) : removed.status();
}

Result<Revoker::Work> Revoker::look() {
    const std::string key = list();
    session_.redis().append({"HEXISTS", key, kRevocationsComplete});
    session_.redis().append({"EXPIRE", key, kListSeconds});
    session_.redis().append({"LRANGE", keys_.revoke(), "0", kTake});
    auto answers = session_.redis().flush();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (Status status = session_.expect(answer); !status.ok()) {
            return status;
        }
    }
    Work work;
    work.restore = answers.value()[0].integer() == 0;
    const Answer& asked = answers.value()[2];
    for (size_t i = 0; i < asked.size(); ++i) {
        work.asked.emplace_back(asked[i].text());
    }
    return work;
}

Status Revoker::perform(const Work& work, uint64_t now) {
    Status status = work.restore ? restore(now) : Status();
    for (const std::string& text : work.asked) {
        if (status.ok()) {
            status = take(text, now);
        }
    }
    return status;
}

// --- The thread

namespace {

class RevokerLoop {
public:
    RevokerLoop(const Context& context, const RedisOptions& redis, const Keys& keys,
                std::unique_ptr<Store> store)
        : context_(context),
          store_(std::move(store)),
          revoker_(redis, keys, *store_),
          redisLink_(context.redis),
          storeLink_(context.store) {}

    void run() {
        while (!context_.stop) {
            try {
                turn();
            } catch (const std::exception& error) {
                context_.log.error("revocations start again: {}", error.what());
                revoker_.close();
            }
            context_.pause(kEvery);
        }
    }

private:
    void turn() {
        if (!redisLink_.due()) {
            return;
        }
        Status status = revoker_.connected() ? Status() : revoker_.connect();
        if (status.code() == Code::InvalidField) {
            return;  // the write loop's to say
        }
        if (status.ok()) {
            status = serve();
        }
        if (isStores(status)) {
            storeLink_.fail(status.detail());
        } else if (!status.ok()) {
            revoker_.close();
            redisLink_.fail(status.detail());
        } else {
            redisLink_.recover();
        }
    }

    // The store is opened by the first that needs it: of many workers mostly one.
    Status serve() {
        auto work = revoker_.look();
        if (!work.ok()) {
            return work.status();
        }
        const bool any = work->restore || !work->asked.empty();
        return any && storeReady() ? revoker_.perform(work.value(), unixNow())
                                   : Status();
    }

    bool storeReady() {
        if (opened_ && storeLink_.ok()) {
            return true;
        }
        if (!storeLink_.due()) {
            return false;
        }
        Status status = opened_ ? store_->ping() : store_->open();
        if (!status.ok()) {
            storeLink_.fail(status.detail());
            return false;
        }
        opened_ = true;
        storeLink_.recover();
        return true;
    }

    const Context& context_;
    std::unique_ptr<Store> store_;
    Revoker revoker_;
    Link redisLink_;
    Link storeLink_;
    bool opened_ = false;
};

}  // namespace

RevokerThread::RevokerThread(const Context& context, const RedisOptions& redis,
                             const Keys& keys, std::unique_ptr<Store> store) {
    auto loop = std::make_unique<RevokerLoop>(context, redis, keys, std::move(store));
    thread_ = std::thread([loop = std::move(loop)] { loop->run(); });
}

RevokerThread::~RevokerThread() {
    thread_.join();
}

// --- The command

int revokeNow(const Options& options) {
    const uint64_t now = unixNow();
    const Revocation revocation = {options.site, options.user, options.session, now,
                                   now + options.lasts};
    Status status = validate(revocation);
    auto store = makeStore(options.store);
    if (status.ok()) {
        status = store.ok() ? store.value()->open() : store.status();
    }
    if (status.ok()) {
        Revoker revoker(options.redis, Keys(options.prefix), *store.value());
        const Status connected = revoker.connect();
        status = revoker.revoke(revocation, now);
        if (!connected.ok() && !isStores(status)) {
            status = connected;
        }
        if (status.code() == Code::RedisUnavailable) {
            std::fprintf(stderr,
                         "messaging-worker: revoke: it is stored, but Redis was not "
                         "told: %s. Repeat it.\n",
                         status.detail().c_str());
            return 1;
        }
    }
    if (!status.ok()) {
        std::fprintf(stderr, "messaging-worker: revoke: %s%s%s\n",
                     status.field().c_str(), status.field().empty() ? "" : ": ",
                     status.detail().c_str());
        return 1;
    }
    std::printf("revoked until %s\n", isoTime(revocation.until * 1000).c_str());
    return 0;
}

}  // namespace messaging::worker
