// SQLite's connection and statements, owned and bounded: open, upgrade, begin, commit,
// and a Query that cannot forget to be reset. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "schema/status.hpp"
#include "worker/store_sqlite_checkpoint.hpp"
#include "worker/store_sqlite_connection.hpp"

namespace messaging::worker::sqlite {

// The schema's version that this program knows.
int knownVersion();

// What brings a database to `version` (1 to the known one) from the one before.
const char* schemaStep(int version);

class Database {
public:
    // Everything that can be wrong with a path is told here: no directory, another
    // program's file, a newer schema. A file that is not ours is never written to.
    Status open(const std::string& path);
    void close();
    bool isOpen() const { return connection_ != nullptr; }
    // Whether the path still names the file that is open.
    bool moved() const;

    // Takes the write lock within four seconds, ending a stopped worker that holds it.
    Status begin();
    // For what nobody waits for: false where another one writes for all of `patience`,
    // who is left in peace, stopped or not.
    Result<bool> tryBegin(std::chrono::milliseconds patience);
    // A failure is StoreUnavailable where it is proven that nothing was committed.
    Status commit();
    // Whether no transaction is left.
    bool rollback();

    // After a failed write: the disk may be full of a WAL that could be started anew.
    void relieve();

    // Statements that are not worth keeping.
    Status execute(const char* sql, std::string_view what);
    Status failure(std::string_view what) const;

    sqlite3* connection() const { return connection_.get(); }
    // Prepared once, kept as long as the connection; nullptr on failure.
    sqlite3_stmt* prepared(const char* sql);

private:
    static int waitForLock(void* self, int attempt);

    Status connect();
    Status identify(int64_t* version);
    Status upgrade();
    Status upgradeLocked();
    Status useWal();
    Status wasMoved() const;
    Status beginWithin(std::chrono::milliseconds patience, bool* busy);
    void checkpoint();

    std::string path_;
    std::chrono::milliseconds patience_{0};
    std::chrono::steady_clock::time_point waitingSince_;
    int walPages_ = 0;        // as of our last commit
    int nextCheckpoint_ = 0;  // at so many
    std::unique_ptr<Checkpointer> checkpointer_;
    Connection connection_;
    std::map<std::string_view, Statement> statements_;  // go before their connection
};

// One run of a prepared statement. What is bound must outlive it. Columns are read in
// order.
class Query {
public:
    Query(Database& database, const char* sql);
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    Query& bind(const std::string& text);
    Query& bind(std::string&&) = delete;
    Query& bind(uint64_t number);  // past SQLite's 63 bits: the greatest there is

    // The next row; false at the end and on failure.
    bool row();
    // To the end. True unless it failed.
    bool run();
    bool ok() const { return ok_; }
    Status failure(std::string_view what) const;

    std::string text();
    uint64_t number();

private:
    Database& database_;
    sqlite3_stmt* statement_;
    bool ok_;
    int bound_ = 0;
    int column_ = 0;
};

}  // namespace messaging::worker::sqlite
