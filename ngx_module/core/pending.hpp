// A table of what waits for an answer, reached by tickets. A ticket is good for one
// entry and never for the next one in the same place, so whoever holds one may hold it
// for ever: that is why callbacks carry tickets and no pointers. Everything is O(1),
// and nothing is allocated once the table has grown to its usual size. Pure;
// thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace messaging::core {

template <typename T>
class Pending {
public:
    explicit Pending(size_t most) : most_(most) {}

    // The ticket, never 0; 0 if the table is full. Pointers from find() end here.
    uint64_t add(T value) {
        if (size_ >= most_) {
            return 0;
        }
        if (free_ == kNone) {
            slots_.emplace_back();
            free_ = static_cast<uint32_t>(slots_.size() - 1);
        }
        const uint32_t place = free_;
        Slot& slot = slots_[place];
        slot.value.emplace(std::move(value));
        free_ = slot.next;
        ++size_;
        return ticketOf(place);
    }

    // nullptr if it is gone. Good until the next add().
    T* find(uint64_t ticket) {
        const uint64_t place = ticket & 0xFFFFFFFF;
        if (place >= slots_.size() || slots_[place].generation != ticket >> 32 ||
            !slots_[place].value) {
            return nullptr;
        }
        return &*slots_[place].value;
    }

    // False if it is gone already.
    bool erase(uint64_t ticket) {
        if (find(ticket) == nullptr) {
            return false;
        }
        const auto place = static_cast<uint32_t>(ticket & 0xFFFFFFFF);
        Slot& slot = slots_[place];
        slot.value.reset();
        slot.generation = slot.generation == UINT32_MAX ? 1 : slot.generation + 1;
        slot.next = free_;
        free_ = place;
        --size_;
        return true;
    }

    // All tickets, for what goes through everything: entries may be erased on the way.
    std::vector<uint64_t> tickets() const {
        std::vector<uint64_t> all;
        all.reserve(size_);
        for (uint32_t place = 0; place < slots_.size(); ++place) {
            if (slots_[place].value) {
                all.push_back(ticketOf(place));
            }
        }
        return all;
    }

    size_t size() const { return size_; }

private:
    static constexpr uint32_t kNone = UINT32_MAX;

    struct Slot {
        std::optional<T> value;
        uint32_t generation = 1;
        uint32_t next = kNone;  // free slot after this one
    };

    uint64_t ticketOf(uint32_t place) const {
        return uint64_t{slots_[place].generation} << 32 | place;
    }

    size_t most_;
    size_t size_ = 0;
    uint32_t free_ = kNone;
    std::vector<Slot> slots_;
};

}  // namespace messaging::core
