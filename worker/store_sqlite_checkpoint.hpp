// Moves what stands in SQLite's WAL into the database file, in a thread and over a
// connection of its own, so that a commit waits for its own fsync only.
//
// A passive checkpoint goes beside a writer, but then the WAL only grows: it starts
// anew when a writer finds that everything in it was moved. So the thread moves the
// bulk, and the writer, between two batches, what came meanwhile: a few pages.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "worker/store_sqlite_connection.hpp"

namespace messaging::worker::sqlite {

class Checkpointer {
public:
    // Of one database file. The thread is made when there is something to do.
    explicit Checkpointer(std::string path) : path_(std::move(path)) {}
    ~Checkpointer();
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;

    // The WAL is long, or the disk is full. Returns at once.
    void request();

    // Whether the rest is the writer's to move now; true once for each request.
    bool handsOver() { return handsOver_.exchange(false); }

private:
    void run();
    // The pages that are left; less than 0 where it failed.
    int move(sqlite3* connection);
    void sync(sqlite3* connection);

    const std::string path_;
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool requested_ = false;  // these two under the mutex
    bool stop_ = false;
    std::atomic<bool> handsOver_{false};
};

}  // namespace messaging::worker::sqlite
