// The account of every message: sent, answered, delivered, to whom and in what order.
// Pure: times are given. A message counts when it was answered 2xx and has arrived.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "t/bench/report.hpp"
#include "t/bench/target.hpp"

namespace messaging::bench {

class Ledger {
public:
    // With `ordered`, a user's messages were sent one after the other, and have to
    // arrive so even where the server gives them no number of its own.
    Ledger(int users, bool ordered);

    uint64_t begin(int user, int64_t due);
    void answered(uint64_t id, bool stored, int64_t at);
    void delivered(int user, const Received& received, int64_t at);

    // Answered 2xx, and not arrived yet.
    size_t missing() const { return missing_; }

    // Figures of those that were due from `from` to `until`; errors of all.
    void write(json::Writer& writer, int64_t from, int64_t until) const;

private:
    struct Message {
        int64_t due = 0;
        int64_t answeredAt = 0;
        int64_t deliveredAt = 0;
        int user = 0;
        bool stored = false;
        bool refused = false;
    };
    struct Reader {
        uint64_t lastId = 0;
        uint64_t lastSeq = 0;
    };

    bool inOrder(Reader& reader, const Received& received) const;

    bool ordered_;
    std::vector<Message> messages_;
    std::vector<Reader> readers_;
    size_t missing_ = 0;
    size_t repeated_ = 0;
    size_t misdelivered_ = 0;
    size_t disordered_ = 0;
};

}  // namespace messaging::bench
