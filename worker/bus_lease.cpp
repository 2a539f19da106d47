// Who owns what. Leases make work cheap (one owner, numbers in memory), never right:
// two owners at once only meet the store's unique keys.
#include "worker/bus.hpp"
#include "worker/bus_entry.hpp"
#include "worker/bus_scripts.hpp"

namespace messaging::worker {

namespace {

constexpr const char* kForgottenAfter = "10000";  // milliseconds without a beat
// As a lease: who lost those has no share any more either.
constexpr const char* kAliveFor = "2000";
constexpr const char* kStatusSeconds = "5";

Holder holderOf(std::string_view owner, const Owner& self) {
    if (owner.empty()) {
        return Holder::Free;
    }
    // A lease in this worker's name that it does not know of is from before it
    // reconnected.
    return owner == self.id() || surelyDead(owner, self) ? Holder::Dead : Holder::Other;
}

}  // namespace

Bus::Bus(const RedisOptions& options, Keys keys, Owner self)
    : session_(options,
               {kBeatScript, kRenewLeaseScript, kReleaseLeaseScript, kTakeLeaseScript}),
      ear_(options, {}),
      voice_(options, {kPublishScript, kLoseScript}),
      keys_(std::move(keys)),
      self_(std::move(self)),
      id_(self_.id()) {}

Status Bus::connect() {
    for (Session* one : {&session_, &ear_, &voice_}) {
        Status status = one->connect();
        if (status.ok() && one->run() != session_.run()) {
            status = {Code::RedisUnavailable, "connections to different Redis"};
        }
        if (!status.ok()) {
            close();
            return status;
        }
    }
    return {};
}

void Bus::close() {
    session_.close();
    ear_.close();
    voice_.close();
    asked_.clear();
}

std::string Bus::takeComplaint() {
    std::string complaint = voice_.takeComplaint();
    return complaint.empty() ? session_.takeComplaint() : complaint;
}

Result<Answers> Bus::exchange() {
    return session_.redis().flush();
}

Result<LeaseView> Bus::beat(const std::vector<unsigned>& mine) {
    const std::string time = std::to_string(kLeaseTime.count());
    LeaseView view;
    view.holders.fill(Holder::Other);
    for (unsigned shard : mine) {
        view.holders[shard] = Holder::Mine;
    }
    session_.script(kBeat, {keys_.workers()}, {id_, kForgottenAfter, kAliveFor});
    for (unsigned shard = 0; shard < limits::kShards; ++shard) {
        if (view.holders[shard] == Holder::Mine) {
            session_.script(kRenew, {keys_.lease(shard)}, {id_, time});
        } else {
            session_.redis().append({"GET", keys_.lease(shard)});
        }
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    const Answer& alive = answers.value()[0];
    if (Status status = session_.tolerate(alive); !status.ok()) {
        return status;
    }
    view.living.insert(id_);
    for (size_t i = 0; i < alive.size(); ++i) {
        if (!surelyDead(alive[i].text(), self_)) {
            view.living.emplace(alive[i].text());
        }
    }
    for (unsigned shard = 0; shard < limits::kShards; ++shard) {
        const Answer& answer = answers.value()[shard + 1];
        if (Status status = session_.tolerate(answer); !status.ok()) {
            return status;
        }
        if (view.holders[shard] != Holder::Mine) {
            view.owners[shard] = std::string(answer.text());
            view.holders[shard] = holderOf(answer.text(), self_);
        } else if (answer.integer() == 2) {
            view.again.push_back(shard);
        } else if (answer.integer() != 1) {
            view.holders[shard] = Holder::Other;  // until the next beat looks
        }
    }
    return view;
}

Result<std::vector<unsigned>> Bus::take(const LeaseView& view,
                                        const std::vector<unsigned>& shards) {
    const std::string time = std::to_string(kLeaseTime.count());
    for (unsigned shard : shards) {
        session_.script(kTake, {keys_.lease(shard)}, {view.owners[shard], id_, time});
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    std::vector<unsigned> taken;
    for (size_t i = 0; i < shards.size(); ++i) {
        const Answer& answer = answers.value()[i];
        if (Status status = session_.tolerate(answer); !status.ok()) {
            return status;
        }
        if (answer.integer() == 1) {
            taken.push_back(shards[i]);
        }
    }
    if (Status status = makeGroups(taken); !status.ok()) {
        return status;
    }
    return taken;
}

Status Bus::release(const std::vector<unsigned>& shards) {
    for (unsigned shard : shards) {
        session_.script(kRelease, {keys_.lease(shard)}, {id_});
    }
    auto answers = exchange();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (Status status = session_.expect(answer); !status.ok()) {
            return status;
        }
    }
    return {};
}

Status Bus::leave() {
    auto answer = session_.redis().call({"ZREM", keys_.workers(), id_});
    return answer.ok() ? session_.expect(answer.value()) : answer.status();
}

Status Bus::report(std::string_view store, size_t alive) {
    const std::string value = R"({"worker":"ok","store":")" + std::string(store) +
                              R"(","workers":)" + std::to_string(alive) + "}";
    auto answer =
        session_.redis().call({"SET", keys_.status(), value, "EX", kStatusSeconds});
    return answer.ok() ? session_.tolerate(answer.value()) : answer.status();
}

Status Bus::trimReads() {
    Redis& redis = session_.redis();
    auto time = redis.call({"TIME"});
    if (!time.ok()) {
        return time.status();
    }
    constexpr uint64_t kOld = uint64_t{limits::kReadSeconds} * 1000;
    const uint64_t now = milliseconds(time.value());
    const std::string oldest = std::to_string(now > kOld ? now - kOld : 0);
    auto answer = redis.call({"XTRIM", keys_.reads(), "MINID", oldest});
    return answer.ok() ? session_.expect(answer.value()) : answer.status();
}

}  // namespace messaging::worker
