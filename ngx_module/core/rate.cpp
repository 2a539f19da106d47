// Buckets as times. Who is forgotten here is let through once, and known again by
// Redis's answer.
#include "ngx_module/core/rate.hpp"

#include <algorithm>

#include "schema/text.hpp"

namespace messaging::core {
namespace {

constexpr uint64_t kSecond = 1000 * 1000;
constexpr uint64_t kMostCount = 1000 * 1000;

uint64_t unitOf(std::string_view unit) {
    if (unit == "s") {
        return kSecond;
    }
    if (unit == "m") {
        return 60 * kSecond;
    }
    if (unit == "h") {
        return 3600 * kSecond;
    }
    return unit == "d" ? 86400 * kSecond : 0;
}

}  // namespace

std::optional<Rate> parseRate(std::string_view text) {
    if (text == "off") {
        return Rate{};
    }
    const size_t slash = text.find('/');
    if (slash == text.npos) {
        return std::nullopt;
    }
    const auto count = parseUnsigned(text.substr(0, slash));
    const uint64_t unit = unitOf(text.substr(slash + 1));
    if (!count || *count == 0 || *count > kMostCount || unit == 0) {
        return std::nullopt;
    }
    Rate rate;
    rate.interval = unit / *count;
    rate.burst = rate.interval * *count;  // exactly that many fit
    return rate;
}

uint64_t rateWait(const Rate& rate, uint64_t debt) {
    return debt + rate.interval > rate.burst ? debt + rate.interval - rate.burst : 0;
}

RateMemory::Verdict RateMemory::judge(const std::vector<Charge>& charges, uint64_t now,
                                      uint64_t* wait) {
    Verdict verdict = Verdict::Pass;
    *wait = 0;
    for (const Charge& charge : charges) {
        const uint64_t owed = debt(charge.key, now);
        *wait = std::max(*wait, rateWait(charge.rate, owed));
        if (owed + charge.rate.interval > charge.rate.burst / 2) {
            verdict = Verdict::Ask;
        }
    }
    if (*wait > 0) {
        return Verdict::Refuse;
    }
    if (verdict == Verdict::Pass) {
        for (const Charge& charge : charges) {
            set(charge.key, now + debt(charge.key, now) + charge.rate.interval);
        }
    }
    return verdict;
}

// Redis knows of all processes' uses up to its answer, this process of its own that
// came after.
void RateMemory::learn(const Charge& charge, uint64_t owed, uint64_t now) {
    // Whatever it says, it is no longer than two bursts (kRateScript).
    owed = std::min(owed, 2 * charge.rate.burst);
    set(charge.key, now + std::max(owed, debt(charge.key, now)));
}

void RateMemory::refund(const Charge& charge, uint64_t now) {
    const uint64_t owed = debt(charge.key, now);
    if (owed > 0) {
        set(charge.key, now + owed - std::min(owed, charge.rate.interval));
    }
}

void RateMemory::clear() {
    index_.clear();
    entries_.clear();
}

uint64_t RateMemory::debt(const std::string& key, uint64_t now) const {
    const auto found = index_.find(key);
    return found == index_.end() || found->second->full <= now
               ? 0
               : found->second->full - now;
}

void RateMemory::set(const std::string& key, uint64_t full) {
    const auto found = index_.find(key);
    if (found != index_.end()) {
        found->second->full = full;
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    if (entries_.size() >= capacity_) {
        index_.erase(entries_.back().key);
        entries_.pop_back();
    }
    entries_.push_front({key, full});
    index_.emplace(entries_.front().key, entries_.begin());
}

}  // namespace messaging::core
