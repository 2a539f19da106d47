// A message may arrive before its answer does: both orders are the same to the account.
#include "t/bench/ledger.hpp"

#include <algorithm>

#include "t/bench/loop.hpp"

namespace messaging::bench {

Ledger::Ledger(int users, bool ordered)
    : ordered_(ordered), readers_(static_cast<size_t>(users)) {}

uint64_t Ledger::begin(int user, int64_t due) {
    Message message;
    message.due = due;
    message.user = user;
    messages_.push_back(message);
    return messages_.size() - 1;
}

void Ledger::answered(uint64_t id, bool stored, int64_t at) {
    Message& message = messages_[id];
    message.answeredAt = at;
    message.stored = stored;
    message.refused = !stored;
    if (stored && message.deliveredAt == 0) {
        missing_++;
    }
}

bool Ledger::inOrder(Reader& reader, const Received& received) const {
    bool right = true;
    if (received.seq != 0) {
        right = reader.lastSeq == 0 || received.seq == reader.lastSeq + 1;
    } else if (ordered_) {
        right = reader.lastId == 0 || received.id > reader.lastId;
    }
    reader.lastId = received.id;
    reader.lastSeq = received.seq;
    return right;
}

void Ledger::delivered(int user, const Received& received, int64_t at) {
    if (received.id >= messages_.size() || messages_[received.id].user != user) {
        misdelivered_++;
        return;
    }
    Message& message = messages_[received.id];
    if (message.deliveredAt != 0) {
        repeated_++;
        return;
    }
    if (!inOrder(readers_[static_cast<size_t>(user)], received)) {
        disordered_++;
    }
    message.deliveredAt = at;
    if (message.stored) {
        missing_--;
    }
}

void Ledger::write(json::Writer& writer, int64_t from, int64_t until) const {
    Latencies delivery;
    Latencies answer;
    uint64_t complete = 0;
    uint64_t refused = 0;
    for (const Message& message : messages_) {
        refused += message.refused ? 1 : 0;
        if (!message.stored || message.deliveredAt == 0) {
            continue;
        }
        const int64_t end = std::max(message.answeredAt, message.deliveredAt);
        complete += end >= from && end < until ? 1 : 0;
        if (message.due >= from && message.due < until) {
            delivery.add(message.deliveredAt - message.due);
            answer.add(message.answeredAt - message.due);
        }
    }
    const double seconds =
        static_cast<double>(until - from) / static_cast<double>(kSecond);
    writer.member("complete", complete);
    real(writer, "rate", static_cast<double>(complete) / seconds);
    delivery.write(writer, "delivery");
    answer.write(writer, "answer");
    writer.member("refused", refused)
        .member("lost", missing_)
        .member("repeated", repeated_)
        .member("misdelivered", misdelivered_)
        .member("disordered", disordered_);
}

}  // namespace messaging::bench
