// Whatever fails here is tried again at the next request: the WAL holds everything.
#include "worker/store_sqlite_checkpoint.hpp"

#include <spdlog/spdlog.h>

namespace messaging::worker::sqlite {
namespace {

// So many pages the writer moves in about a millisecond.
constexpr int kFewPages = 256;
// While one runs the writer goes on; each leaves less than the one before.
constexpr int kMostRounds = 4;

}  // namespace

Checkpointer::~Checkpointer() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Checkpointer::request() {
    if (!thread_.joinable()) {
        thread_ = std::thread([this] { run(); });
    }
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        requested_ = true;
    }
    changed_.notify_one();
}

void Checkpointer::run() {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(
        path_.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    const Connection connection(opened);
    if (code == SQLITE_OK) {
        sqlite3_wal_autocheckpoint(opened, 0);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return requested_ || stop_; });
        if (stop_) {
            return;
        }
        requested_ = false;
        lock.unlock();
        int left = code == SQLITE_OK ? move(opened) : 0;
        for (int round = 1; round < kMostRounds && left > kFewPages; ++round) {
            left = move(opened);
        }
        handsOver_ = left >= 0;
        lock.lock();
    }
}

int Checkpointer::move(sqlite3* connection) {
    int all = 0;
    int moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(connection, "main",
                                               SQLITE_CHECKPOINT_PASSIVE, &all, &moved);
    if (code == SQLITE_OK) {
        return all - moved;
    }
    if ((code & 0xff) != SQLITE_BUSY) {
        spdlog::warn("sqlite: checkpoint: {}", sqlite3_errmsg(connection));
    }
    return -1;
}

}  // namespace messaging::worker::sqlite
