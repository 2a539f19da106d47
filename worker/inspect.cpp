// May run while workers do: what differs only because a write is passing is right a
// moment later, so a difference counts when it is still there on a second look.
#include "worker/inspect.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <thread>

#include "worker/handler.hpp"

namespace messaging::worker {

namespace {

constexpr int kClean = 0;
constexpr int kDrift = 1;
constexpr int kError = 2;

constexpr std::chrono::milliseconds kSecondLook{200};
constexpr int kRepairs = 5;  // tries, where workers write meanwhile

bool sameNumbers(const Membership& a, const Membership& b) {
    return a.lastSeq == b.lastSeq && a.sent == b.sent && a.readSeq == b.readSeq &&
           a.readSent == b.readSent;
}

std::string numbers(const Membership& membership) {
    return std::to_string(membership.lastSeq) + "," + std::to_string(membership.sent) +
           "," + std::to_string(membership.readSeq) + "," +
           std::to_string(membership.readSent);
}

class Inspection {
public:
    Inspection(Store& store, bool repair, const std::atomic<bool>& stop)
        : store_(store), repair_(repair), stop_(stop) {}

    // Everything that differs in one conversation.
    Status look(const ConversationRef& ref);
    int report() const;

private:
    Result<std::vector<Drift>> confirmed(const ConversationRef& ref);
    Result<bool> setRight(const ConversationRef& ref);
    void print(const Drift& drift) const;

    Store& store_;
    const bool repair_;
    const std::atomic<bool>& stop_;
    uint64_t conversations_ = 0;
    uint64_t differ_ = 0;
    uint64_t left_ = 0;  // conversations with differences that stay
};

Result<std::vector<Drift>> Inspection::confirmed(const ConversationRef& ref) {
    auto first = findDrift(store_, ref);
    if (!first.ok() || first->empty()) {
        return first;
    }
    std::this_thread::sleep_for(kSecondLook);
    auto second = findDrift(store_, ref);
    if (!second.ok()) {
        return second;
    }
    std::vector<Drift> both;
    for (const Drift& drift : second.value()) {
        for (const Drift& before : first.value()) {
            bool same = before.right.member == drift.right.member &&
                        before.found.has_value() == drift.found.has_value();
            if (same && (!drift.found || sameNumbers(*before.found, *drift.found))) {
                both.push_back(drift);
            }
        }
    }
    return both;
}

Status Inspection::look(const ConversationRef& ref) {
    ++conversations_;
    auto drifts = confirmed(ref);
    if (!drifts.ok()) {
        return drifts.status();
    }
    for (const Drift& drift : drifts.value()) {
        print(drift);
    }
    differ_ += drifts->size();
    if (drifts->empty()) {
        return {};
    }
    if (!repair_) {
        ++left_;
        return {};
    }
    auto right = setRight(ref);
    if (!right.ok()) {
        return right.status();
    }
    left_ += right.value() ? 0 : 1;
    return {};
}

// Again as long as somebody writes in between.
Result<bool> Inspection::setRight(const ConversationRef& ref) {
    for (int attempt = 0; attempt < kRepairs; ++attempt) {
        auto drifts = findDrift(store_, ref);
        if (!drifts.ok()) {
            return drifts.status();
        }
        bool all = true;
        for (const Drift& drift : drifts.value()) {
            auto done = store_.exchange(drift.found, drift.right);
            if (!done.ok()) {
                return done.status();
            }
            all = all && done.value();
        }
        if (all) {
            return true;
        }
    }
    return false;
}

void Inspection::print(const Drift& drift) const {
    std::printf(
        "site %s conversation %s member %s: lastSeq,sent,readSeq,readSent %s, right "
        "%s\n",
        drift.right.site.c_str(), drift.right.conversation.c_str(),
        drift.right.member.c_str(),
        drift.found ? numbers(*drift.found).c_str() : "absent",
        numbers(drift.right).c_str());
}

int Inspection::report() const {
    std::printf("%" PRIu64 " conversations, %" PRIu64 " memberships differ%s\n",
                conversations_, differ_,
                !repair_ || differ_ == 0 ? ""
                : left_ == 0             ? ", repaired"
                                         : ", not all repaired");
    if (stop_) {
        std::fprintf(stderr, "messaging-worker: check was stopped before its end\n");
        return kError;
    }
    return left_ == 0 ? kClean : kDrift;
}

int fail(const Status& status) {
    std::fprintf(stderr, "messaging-worker: check: %s\n", status.detail().c_str());
    return kError;
}

}  // namespace

int inspect(const std::string& storeUri, bool repair, const std::atomic<bool>& stop) {
    // One walks, the other looks and writes: neither meets the other's open cursor.
    auto walker = makeStore(storeUri);
    auto store = makeStore(storeUri);
    for (auto* made : {&walker, &store}) {
        Status opened = made->ok() ? made->value()->open() : made->status();
        if (!opened.ok()) {
            return fail(opened);
        }
    }
    Inspection inspection(*store.value(), repair, stop);
    Status failure;
    Status walked = walker.value()->eachConversation([&](const ConversationRef& ref) {
        failure = inspection.look(ref);
        return failure.ok() && !stop;
    });
    if (!walked.ok() || !failure.ok()) {
        return fail(walked.ok() ? failure : walked);
    }
    return inspection.report();
}

}  // namespace messaging::worker
