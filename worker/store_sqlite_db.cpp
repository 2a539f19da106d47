// SQLite underneath the store: durability, locks, versions.
//
// Durability: WAL with synchronous=FULL, one fsync a commit; a batch is one commit.
// Checkpoints: every kCheckpointPages that the WAL has grown, by a Checkpointer beside
// the writer, which itself moves the last few pages; the next write starts the WAL
// anew. Readers here are short, so they hardly ever hold that up. Where overlapping
// ones did until kRestartPages, one checkpoint waits for them: they cannot make the WAL
// grow without bound.
#include "worker/store_sqlite_db.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include <spdlog/spdlog.h>

#include "worker/store_sqlite_lock.hpp"

namespace messaging::worker::sqlite {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

const char kStep1[] =
#include "schema/sqlite.sql.inc"
    ;
const char kStep2[] =
#include "schema/sqlite-2.sql.inc"
    ;
const char kStep3[] =
#include "schema/sqlite-3.sql.inc"
    ;
const char kStep4[] =
#include "schema/sqlite-4.sql.inc"
    ;
const char kStep5[] =
#include "schema/sqlite-5.sql.inc"
    ;
const char kStep6[] =
#include "schema/sqlite-6.sql.inc"
    ;

constexpr std::array<const char*, 6> kSteps = {kStep1, kStep2, kStep3,
                                               kStep4, kStep5, kStep6};

constexpr int64_t kApplicationId = 0x6d736773;  // "msgs"

constexpr milliseconds kPatience{3000};
// begin() may need it twice, and half a second between: below four seconds together.
constexpr milliseconds kBeginPatience{1500};
// For readers, which take milliseconds; the checkpoint's own fsync counts too.
constexpr milliseconds kRestartPatience{500};

// The longer the WAL, the more often a page that changes often is moved only once; the
// shorter, the sooner a start after a crash has read it.
constexpr int kCheckpointPages = 16000;  // 64 MB
constexpr int kRestartPages = 64000;     // 256 MB

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

Status unavailable(std::string detail) {
    return {Code::StoreUnavailable, std::move(detail)};
}

Status systemFailure(std::string_view what, const std::string& path) {
    const int error = errno;
    return unavailable(std::string(what) + " " + path + ": " + std::strerror(error));
}

std::string directoryOf(const std::string& path) {
    const size_t slash = path.find_last_not_of('/', path.rfind('/'));
    if (path.find('/') == std::string::npos) {
        return ".";
    }
    return slash == std::string::npos ? "/" : path.substr(0, slash + 1);
}

// What a new directory holds survives a power loss only if its own entry does.
void syncDirectory(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

// The file, with our mode and not with SQLite's. Only one that is created here is
// closed here: closing any other would drop the locks that this process has on it.
Status makeFile(const std::string& path) {
    const std::string directory = directoryOf(path);
    if (::mkdir(directory.c_str(), kDirectoryMode) == 0) {
        syncDirectory(directoryOf(directory));
    } else if (errno != EEXIST) {
        return systemFailure("cannot make the directory", directory);
    }
    const int fd =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode);
    if (fd >= 0) {
        ::close(fd);
        return {};
    }
    return errno == EEXIST ? Status() : systemFailure("cannot make", path);
}

bool isBusy(int code) {
    return (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
}

int noteWalPages(void* pages, sqlite3*, const char*, int count) {
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
}

}  // namespace

int knownVersion() {
    return static_cast<int>(kSteps.size());
}

const char* schemaStep(int version) {
    return kSteps.at(static_cast<size_t>(version) - 1);
}

// --- Opening

Status Database::open(const std::string& path) {
    close();
    path_ = path;
    Status status = makeFile(path);
    if (status.ok()) {
        status = connect();
    }
    if (status.ok()) {
        status = upgrade();
    }
    if (status.ok()) {
        status = useWal();
    }
    if (!status.ok()) {
        close();
        return status;
    }
    checkpointer_ = std::make_unique<Checkpointer>(path);
    nextCheckpoint_ = kCheckpointPages;
    return {};
}

void Database::close() {
    checkpointer_.reset();
    statements_.clear();
    connection_.reset();
}

Status Database::connect() {
    constexpr int kFlags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path_.c_str(), &opened, kFlags, nullptr);
    connection_.reset(opened);
    if (code != SQLITE_OK) {
        return failure("opening " + path_);
    }
    // SQLite falls back to reading where it may not write.
    if (sqlite3_db_readonly(opened, "main") != 0) {
        return unavailable("sqlite: " + path_ + " is not writable");
    }
    sqlite3_busy_handler(opened, waitForLock, this);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    patience_ = kPatience;
    return {};
}

// The schema's version, 0 for an empty file. Reads only, and refuses what is not ours.
// One statement, so that it never sees half of what another worker is making.
Status Database::identify(int64_t* version) {
    constexpr const char* kQuestion =
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version),"
        " (SELECT count(*) FROM sqlite_schema)";
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v2(connection(), kQuestion, -1, &raw, nullptr) == SQLITE_OK
            ? sqlite3_step(raw)
            : sqlite3_errcode(connection());
    const Statement statement(raw);
    if (code != SQLITE_ROW) {
        const Status status = failure("reading " + path_);
        return (code & 0xff) == SQLITE_NOTADB
                   ? Status(Code::InvalidField, status.detail())
                   : status;
    }
    const int64_t application = sqlite3_column_int64(raw, 0);
    *version = sqlite3_column_int64(raw, 1);
    const bool empty =
        application == 0 && *version == 0 && sqlite3_column_int64(raw, 2) == 0;
    if (!empty && (application != kApplicationId || *version < 1)) {
        return {Code::InvalidField,
                "sqlite: " + path_ + " is another program's database"};
    }
    if (*version > knownVersion()) {
        return {Code::UnsupportedVersion,
                "store has schema version " + std::to_string(*version) +
                    ", this worker knows " + std::to_string(knownVersion())};
    }
    return {};
}

Status Database::upgrade() {
    int64_t version = 0;
    Status status = identify(&version);
    if (!status.ok() || version == knownVersion()) {
        return status;
    }
    status = execute("BEGIN IMMEDIATE", "upgrading the schema");
    if (!status.ok()) {
        return status;
    }
    status = upgradeLocked();
    if (!status.ok()) {
        rollback();
    }
    return status;
}

Status Database::upgradeLocked() {
    int64_t version = 0;
    Status status = identify(&version);  // again: another worker may have been quicker
    for (; status.ok() && version < knownVersion(); ++version) {
        status =
            execute(schemaStep(static_cast<int>(version) + 1), "upgrading the schema");
    }
    if (!status.ok()) {
        return status;
    }
    const std::string marks =
        "PRAGMA application_id = " + std::to_string(kApplicationId) +
        "; PRAGMA user_version = " + std::to_string(knownVersion()) + "; COMMIT";
    return execute(marks.c_str(), "upgrading the schema");
}

Status Database::useWal() {
    // Changing the mode does not wait for locks by itself.
    const auto deadline = steady_clock::now() + kPatience;
    for (;;) {
        Query mode(*this, "PRAGMA journal_mode = WAL");
        if (mode.row()) {
            if (mode.text() != "wal") {
                return unavailable("sqlite: " + path_ +
                                   ": this file system cannot share memory (WAL)");
            }
            break;
        }
        if (!isBusy(sqlite3_errcode(connection())) || steady_clock::now() > deadline) {
            return failure("opening " + path_);
        }
        std::this_thread::sleep_for(milliseconds(20));
    }
    sqlite3_wal_hook(connection(), noteWalPages, &walPages_);
    return execute(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA temp_store = "
        "MEMORY;"
        "PRAGMA journal_size_limit = 67108864",
        "opening");
}

bool Database::moved() const {
    int moved = 0;
    sqlite3_file_control(connection(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved != 0;
}

// --- Locks and transactions

int Database::waitForLock(void* self, int attempt) {
    // Short sleeps: between two batches of a busy neighbour the lock is free for a
    // millisecond, and SQLite's own handler, which soon sleeps 100 ms, would not see
    // it.
    auto& database = *static_cast<Database*>(self);
    const auto now = steady_clock::now();
    if (attempt == 0) {
        database.waitingSince_ = now;
    }
    if (now - database.waitingSince_ >= database.patience_) {
        return 0;
    }
    std::this_thread::sleep_for(milliseconds(attempt < 50 ? 1 : 4));
    return 1;
}

Status Database::beginWithin(milliseconds patience, bool* busy) {
    patience_ = patience;
    Query begin(*this, "BEGIN IMMEDIATE");
    const bool begun = begin.run();
    patience_ = kPatience;
    *busy = !begun && isBusy(sqlite3_errcode(connection()));
    return begun ? Status() : begin.failure("waiting for the write lock");
}

Status Database::begin() {
    if (moved()) {
        return unavailable("sqlite: " + path_ + " was moved or deleted");
    }
    bool busy = false;
    Status status = beginWithin(kBeginPatience, &busy);
    if (busy) {
        endStoppedHolder(sqlite3_db_filename(connection(), "main"));
        status = beginWithin(kBeginPatience, &busy);
    }
    return status;
}

Status Database::commit() {
    Query commit(*this, "COMMIT");
    if (commit.run()) {
        checkpoint();
        return {};
    }
    const int code = sqlite3_extended_errcode(connection());
    const std::string detail = commit.failure("commit").detail();
    // After a failed fsync the commit may stand whole in the file although this
    // connection rolled it back: the recovery after a crash would find it.
    const bool perhapsThere =
        code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
    const bool undone = rollback();
    return {undone && !perhapsThere ? Code::StoreUnavailable : Code::Internal, detail};
}

bool Database::rollback() {
    if (sqlite3_get_autocommit(connection()) == 0) {
        Query(*this, "ROLLBACK").run();
    }
    return sqlite3_get_autocommit(connection()) != 0;
}

void Database::relieve() {
    checkpointer_->request();
}

void Database::checkpoint() {
    if (walPages_ < nextCheckpoint_ - kCheckpointPages) {
        nextCheckpoint_ = kCheckpointPages;  // the WAL was started anew
    }
    const bool wait = walPages_ >= kRestartPages && walPages_ >= nextCheckpoint_;
    if (walPages_ >= nextCheckpoint_) {
        nextCheckpoint_ = walPages_ + kCheckpointPages;
        if (!wait) {
            checkpointer_->request();
        }
    }
    if (!wait && !checkpointer_->handsOver()) {
        return;
    }
    patience_ = kRestartPatience;
    const int code = sqlite3_wal_checkpoint_v2(
        connection(), "main",
        wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    patience_ = kPatience;
    if (code != SQLITE_OK && (wait || !isBusy(code))) {
        spdlog::warn("{}", failure("checkpoint").detail());
    }
}

Status Database::execute(const char* sql, std::string_view what) {
    return sqlite3_exec(connection(), sql, nullptr, nullptr, nullptr) == SQLITE_OK
               ? Status()
               : failure(what);
}

Status Database::failure(std::string_view what) const {
    const int code = sqlite3_extended_errcode(connection());
    return unavailable("sqlite: " + std::string(what) + ": " +
                       sqlite3_errmsg(connection()) + " (" + std::to_string(code) +
                       ")");
}

sqlite3_stmt* Database::prepared(const char* sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) {
        return found->second.get();
    }
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(connection(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr) != SQLITE_OK) {
        return nullptr;
    }
    statements_.emplace(sql, Statement(statement));
    return statement;
}

// --- Query

Query::Query(Database& database, const char* sql)
    : database_(database),
      statement_(database.prepared(sql)),
      ok_(statement_ != nullptr) {}

Query::~Query() {
    if (statement_ != nullptr) {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
}

Query& Query::bind(const std::string& text) {
    ok_ = ok_ &&
          sqlite3_bind_text(statement_, ++bound_, text.data(),
                            static_cast<int>(text.size()), SQLITE_STATIC) == SQLITE_OK;
    return *this;
}

Query& Query::bind(uint64_t number) {
    const auto bounded = static_cast<sqlite3_int64>(
        number > static_cast<uint64_t>(INT64_MAX) ? INT64_MAX : number);
    ok_ = ok_ && sqlite3_bind_int64(statement_, ++bound_, bounded) == SQLITE_OK;
    return *this;
}

bool Query::row() {
    column_ = 0;
    if (!ok_) {
        return false;
    }
    const int code = sqlite3_step(statement_);
    ok_ = code == SQLITE_ROW || code == SQLITE_DONE;
    return code == SQLITE_ROW;
}

bool Query::run() {
    while (row()) {
    }
    return ok_;
}

Status Query::failure(std::string_view what) const {
    return database_.failure(what);
}

std::string Query::text() {
    const int column = column_++;
    const auto* bytes =
        reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string()
                            : std::string(bytes, static_cast<size_t>(size));
}

uint64_t Query::number() {
    return static_cast<uint64_t>(sqlite3_column_int64(statement_, column_++));
}

}  // namespace messaging::worker::sqlite
