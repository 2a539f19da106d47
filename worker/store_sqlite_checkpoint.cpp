// Whatever fails here is tried again at the next request: the WAL holds everything.
#include "worker/store_sqlite_checkpoint.hpp"

#include <spdlog/spdlog.h>

namespace messaging::worker::sqlite {
namespace {

// So many pages the writer moves and syncs in a millisecond or two.
constexpr int kFewPages = 64;
// While one runs the writer goes on; each leaves less than the one before.
constexpr int kMostRounds = 6;

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
    sqlite3_open_v2(path_.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                    nullptr);
    const Connection connection(opened);
    if (opened == nullptr) {
        return;  // no memory; past kRestartPages the writer does it all
    }
    sqlite3_wal_autocheckpoint(opened, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return requested_ || stop_; });
        if (stop_) {
            return;
        }
        requested_ = false;
        lock.unlock();
        int left = move(opened);
        for (int round = 1; round < kMostRounds && left > kFewPages; ++round) {
            // Or the writer's would have to wait for all that was moved here: one that
            // does not reach the WAL's end does not sync.
            sync(opened);
            left = move(opened);
        }
        handsOver_ = left >= 0;
        lock.lock();
    }
}

void Checkpointer::sync(sqlite3* connection) {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (file != nullptr && file->pMethods != nullptr) {
        file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    }
}

int Checkpointer::move(sqlite3* connection) {
    int all = -1;
    int moved = -1;
    // A connection that has read nothing yet knows of no WAL.
    int code = sqlite3_exec(connection, "SELECT 1 FROM sqlite_schema", nullptr, nullptr,
                            nullptr);
    if (code == SQLITE_OK) {
        code = sqlite3_wal_checkpoint_v2(connection, "main", SQLITE_CHECKPOINT_PASSIVE,
                                         &all, &moved);
    }
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
        spdlog::warn("sqlite: checkpoint: {}", sqlite3_errmsg(connection));
    }
    return code == SQLITE_OK && all >= 0 ? all - moved : -1;
}

}  // namespace messaging::worker::sqlite
