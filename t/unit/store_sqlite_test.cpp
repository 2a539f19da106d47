// What is SQLite's alone: the file and its surroundings, foreign and damaged ones, a
// full disk, and a worker that was stopped while it held the write lock.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <tuple>

#include "t/unit/store_data.hpp"
#include "worker/store_sqlite_db.hpp"
#include "worker/store_sqlite_lock.hpp"

namespace messaging::unit {
namespace {

namespace filesystem = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string bytesOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

void writeFile(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

Status openingOf(const std::string& path) {
    return taken(worker::makeStore("sqlite:" + path))->open();
}

unsigned modeOf(const std::string& path) {
    struct stat file {};
    ck_assert_int_eq(stat(path.c_str(), &file), 0);
    return file.st_mode & 07777;
}

// --- The file

START_TEST(makesItsDirectory) {
    umask(0);
    const SqlitePlace place;
    const std::string path = place.directory() + "/new/store.db";
    EXPECT_OK(openingOf(path));
    ck_assert_uint_eq(modeOf(place.directory() + "/new"), 0750);
    ck_assert_uint_eq(modeOf(path), 0640);
    const Status refused = openingOf(place.directory() + "/a/b/store.db");
    EXPECT_FAILURE(refused, Code::StoreUnavailable, "");
    EXPECT_TEXT(refused.detail(), "cannot make the directory " + place.directory() +
                                      "/a/b: No such file or directory");
    ck_assert(!openingOf(path + "/store.db").ok());  // below a file
    ck_assert(!openingOf(place.directory()).ok());
    // A path of one part, and slashes in excess.
    ck_assert_int_eq(chdir(place.directory().c_str()), 0);
    EXPECT_OK(openingOf("plain.db"));
    EXPECT_OK(openingOf("more//plain.db"));
    ck_assert(filesystem::exists(place.directory() + "/more/plain.db"));
}

START_TEST(leavesForeignFilesAlone) {
    SqlitePlace place;
    const auto refused = [&](const std::string& reason,
                             Code code = Code::InvalidField) {
        const std::string before = bytesOf(place.path());
        const Status status = openingOf(place.path());
        EXPECT_FAILURE(status, code, "");
        EXPECT_FOR(status.detail().find(reason) != std::string::npos, status.detail());
        EXPECT_FOR(bytesOf(place.path()) == before, reason);
    };
    writeFile(place.path(), repeat("no database, but somebody's text\n", 200));
    refused("file is not a database");
    filesystem::remove(place.path());
    place.execute("CREATE TABLE theirs (x)");
    refused("another program's database");
    filesystem::remove(place.path());
    place.execute("PRAGMA application_id = 7");
    refused("another program's database");
    filesystem::remove(place.path());
    place.execute("PRAGMA user_version = 1");
    refused("another program's database");

    filesystem::remove(place.path());
    place.store();
    std::string bytes = bytesOf(place.path());
    writeFile(place.path(), bytes.substr(0, 100) + repeat("x", bytes.size() - 100));
    refused("malformed", Code::StoreUnavailable);
    filesystem::remove(place.path());
    writeFile(place.path(), "");  // as `touch` leaves it
    EXPECT_OK(openingOf(place.path()));
}

START_TEST(noticesThatItsFileIsGone) {
    const SqlitePlace place;
    const auto store = place.store();
    inserted(*store, {messageOf("c", 1, "ann", 1, "k")});
    filesystem::rename(place.path(), place.path() + ".backup");
    EXPECT_FAILURE(store->begin({"writer", {}}), Code::StoreUnavailable, "");
    EXPECT_FAILURE(store->ping(), Code::StoreUnavailable, "");
    ck_assert(!filesystem::exists(place.path()));
    // Somebody restores another one.
    const SqlitePlace other;
    inserted(*other.store(),
             {messageOf("c", 1, "bob", 1, "k"), messageOf("c", 2, "bob", 2, "k2")});
    filesystem::remove(place.path() + "-wal");
    filesystem::remove(place.path() + "-shm");
    filesystem::copy(other.path(), place.path());
    EXPECT_FAILURE(store->begin({"writer", {}}), Code::StoreUnavailable, "");
    EXPECT_OK(store->ping());
    EXPECT_TEXT(history(*store, "c"), "1 2");
    EXPECT_TEXT(letters(inserted(*store, {messageOf("c", 3, "bob", 3, "k3")})), "I");
}

// Whatever a full disk refuses was not stored, whatever it took is there, and the store
// goes on as soon as there is room.
START_TEST(fullDisk) {
    const SqlitePlace place;
    const auto store = place.store();
    signal(SIGXFSZ, SIG_IGN);
    rlimit roomy{};
    getrlimit(RLIMIT_FSIZE, &roomy);
    rlimit tight = roomy;
    tight.rlim_cur = 512 * 1024;
    setrlimit(RLIMIT_FSIZE, &tight);

    uint64_t stored = 0;
    int refusals = 0;
    while (refusals < 3 && stored < 1000) {
        Message message =
            messageOf("c", stored + 1, "ann", stored + 1, std::to_string(stored + 1));
        message.content = repeat("x", 20000);
        Status status = store->begin({"writer", {}});
        if (status.ok()) {
            const auto results = store->insertMessages({message});
            status = results.ok() ? store->commit() : results.status();
        }
        stored += status.ok() ? 1 : 0;
        if (!status.ok()) {
            ++refusals;
            EXPECT_FAILURE(status, Code::StoreUnavailable, "");
            EXPECT_OK(store->abandon());
        }
    }
    ck_assert_int_eq(refusals, 3);
    ck_assert_uint_gt(stored, 3);
    setrlimit(RLIMIT_FSIZE, &roomy);
    inserted(*store, {messageOf("c", stored + 1, "ann", stored + 1, "last")});
    const auto all = taken(place.store()->history({kSite, "c"}, {{}, {}, 1000}));
    ck_assert_uint_eq(all.size(), stored + 1);
}

// The WAL stays within its bounds although somebody always reads.
START_TEST(checkpointsWhileOthersRead) {
    const SqlitePlace place;
    const auto store = place.store();
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            const auto reader = place.store();
            while (!stop) {
                taken(reader->history({kSite, "c"}, {{}, {}, 50}));
            }
        });
    }
    uint64_t seq = 0;
    uintmax_t most = 0;
    for (int round = 0; round < 1000; ++round) {
        std::vector<Message> messages;
        for (int i = 0; i < 20; ++i) {
            ++seq;
            messages.push_back(messageOf("c", seq, "ann", seq, std::to_string(seq)));
            messages.back().content = repeat("x", 20000);
        }
        inserted(*store, messages);
        most = std::max(most, filesystem::file_size(place.path() + "-wal"));
    }
    stop = true;
    for (auto& reader : readers) {
        reader.join();
    }
    // 470 MB were written.
    ck_assert_uint_lt(most, 300 * 1024 * 1024);
}

// --- Versions

// A database of version 1 that was opened by each worker up to that of `version`.
void upgradeFrom(int version) {
    SqlitePlace place;
    place.execute(worker::sqlite::schemaStep(1));
    place.execute(R"(
        INSERT INTO conversations VALUES
            ('shop', 'c', 'direct', 'Shoes', 'product', '7', 'ann', 100),
            ('shop', 'trio', 'direct', '', '', '', 'bob', 200),
            ('elsewhere', 'c', 'direct', '', '', '', 'ann', 300);
        INSERT INTO conversation_members VALUES
            ('shop', 'c', 'ann'), ('shop', 'c', 'bob'),
            ('shop', 'trio', 'ann'), ('shop', 'trio', 'bob'), ('shop', 'trio', 'eve'),
            ('elsewhere', 'c', 'ann'), ('elsewhere', 'c', 'zoe');
        INSERT INTO messages VALUES
            ('shop', 'c', 1, 'ann', 'buyer', 'ann', 1, 'c:1', 'f1', 'hello', 101),
            ('shop', 'c', 2, 'bob', 'seller', 'bob', 1, 'c:1', 'f2', 'yes?', 102),
            ('shop', 'c', 3, 'ann', 'buyer', 'ann', 2, 'i:2', 'f3', 'it''s', 103),
            ('shop', 'trio', 1, 'bob', '', 'bob', 1, 'c:1', 'f4', 'all', 201),
            ('shop', 'trio', 2, 'eve', '', 'eve', 1, 'c:1', 'f5', 'here', 202);
        INSERT INTO memberships (site, conversation, member, last_seq, sent, read_seq,
            read_sent, activity, preview_seq, preview_sender, preview_content,
            preview_at) VALUES
            ('shop', 'c', 'ann', 3, 2, 3, 2, 103, 3, 'ann', 'it''s', 103),
            ('shop', 'c', 'bob', 3, 1, 2, 1, 103, 3, 'ann', 'it''s', 103),
            ('shop', 'trio', 'bob', 2, 1, 0, 0, 202, 2, 'eve', 'here', 202),
            ('elsewhere', 'c', 'ann', 0, 0, 0, 0, 300, 0, '', '', 0);
        INSERT INTO users VALUES ('shop', 'ann', 'buyer', 'Ann'), ('shop', 'x', '', 'X');
        PRAGMA application_id = 0x6d736773;
    )");
    for (int step = 2; step <= version; ++step) {
        place.execute(worker::sqlite::schemaStep(step));
    }
    place.setVersion(static_cast<unsigned>(version));
    const auto store = place.store();
    const auto conversation = taken(store->conversation({kSite, "c"}));
    ck_assert(conversation.has_value());
    EXPECT_TEXT(conversation->subject + conversation->context.type +
                    conversation->context.id + conversation->starter,
                "Shoesproduct7ann");
    ck_assert(conversation->members == std::vector<std::string>({"ann", "bob"}));
    ck_assert_uint_eq(conversation->createdAt, 100);
    EXPECT_TEXT(history(*store, "c"), "1 2 3");
    const auto third = taken(store->messageByKey({kSite, "c"}, "ann", "i:2"));
    ck_assert(third.has_value());
    EXPECT_TEXT(third->content + third->senderRole + third->member + third->fingerprint,
                "it'sbuyerannf3");
    ck_assert_uint_eq(third->ordinal, 2);
    EXPECT_TEXT(third->context.type + third->context.id + third->type + third->data,
                "");
    ck_assert_uint_eq(place.storedVersion(), place.version());
    ck_assert_uint_eq(third->createdAt, 103);
    ck_assert(!taken(store->messageByKey({kSite, "c"}, "bob", "i:2")));
    for (const auto& [id, member, wanted] :
         std::vector<std::tuple<std::string, std::string, uint64_t>>{
             {"c", "ann", 2},
             {"c", "bob", 1},
             {"c", "eve", 0},
             {"trio", "ann", 0},
             {"trio", "bob", 1},
             {"trio", "eve", 1}}) {
        EXPECT_FOR(taken(store->ordinalAt({kSite, id}, member, 9)) == wanted,
                   id + member);
    }
    ck_assert_uint_eq(taken(store->list(kSite, "bob", {})).size(), 2);
    EXPECT_TEXT(taken(store->list(kSite, "bob", {}))[1].preview.sender, "ann");
    EXPECT_TEXT(taken(store->list("elsewhere", "ann", {}))[0].preview.sender, "");
    ck_assert_uint_eq(taken(store->unread(kSite, "bob")).count, 2);
    EXPECT_TEXT(taken(store->users(kSite, {"ann", "x"}))[1].name, "X");
    // It goes on from there, and is opened as what it now is.
    EXPECT_TEXT(letters(inserted(*store, {messageOf("c", 3, "bob", 2, "c:2"),
                                          messageOf("trio", 3, "ann", 1, "c:1")})),
                "DI");
    EXPECT_TEXT(history(*place.store(), "trio"), "1 2 3");
}

START_TEST(upgradesFromEachVersion) {
    for (int version = 1; version < worker::sqlite::knownVersion(); ++version) {
        upgradeFrom(version);
    }
}

// --- Locks

// A process that does this and then waits to be killed. Its id is in `child`.
template <typename Work>
pid_t childThat(Work work) {
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        work();
        (void)!write(ready[1], "x", 1);
        for (;;) {
            pause();
        }
    }
    char byte = 0;
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    return child;
}

// How it ended, 0 while it lives.
int signalThatEnded(pid_t child, int options) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, options);
    return ended == child && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

double secondsOf(const Clock::time_point& since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
}

pid_t holderOf(const SqlitePlace& place) {
    return childThat([&] {
        auto* store = place.store().release();
        (void)store->begin({"other", {}});
        (void)store->insertMessages({messageOf("c", 1, "eve", 1, "k")});
    });
}

START_TEST(endsAStoppedHolder) {
    const SqlitePlace place;
    place.store();
    const pid_t child = holderOf(place);
    const auto store = place.store();
    ck_assert(worker::sqlite::writeLockHolder(place.path()) == child);
    ck_assert_int_eq(kill(child, SIGSTOP), 0);
    // Not for what can be done later.
    const auto tried = store->tryBegin({"writer", {}});
    ck_assert(tried.ok() && !tried.value());
    ck_assert_int_eq(taken(store->index(1)), 0);
    ck_assert(worker::sqlite::writeLockHolder(place.path()) == child);
    const auto since = Clock::now();
    EXPECT_OK(store->begin({"writer", {}}));
    ck_assert_double_lt(secondsOf(since), 4);
    ck_assert_int_eq(signalThatEnded(child, 0), SIGKILL);
    EXPECT_TEXT(
        letters(taken(store->insertMessages({messageOf("c", 1, "ann", 1, "k")}))), "I");
    EXPECT_OK(store->commit());
    ck_assert(!worker::sqlite::writeLockHolder(place.path()));
}

START_TEST(waitsForALiveHolder) {
    const SqlitePlace place;
    place.store();
    const pid_t child = holderOf(place);
    const auto store = place.store();
    auto since = Clock::now();
    EXPECT_FAILURE(store->begin({"writer", {}}), Code::StoreUnavailable, "");
    ck_assert_double_lt(secondsOf(since), 4.5);
    ck_assert_double_gt(secondsOf(since), 2);
    ck_assert_int_eq(signalThatEnded(child, WNOHANG), 0);
    // Readers do not wait.
    since = Clock::now();
    EXPECT_TEXT(history(*store, "c"), "");
    ck_assert_double_lt(secondsOf(since), 1);
    kill(child, SIGKILL);
    ck_assert_int_eq(signalThatEnded(child, 0), SIGKILL);
    EXPECT_OK(store->begin({"writer", {}}));
}

START_TEST(sparesAForeignHolder) {
    const SqlitePlace place;
    const auto store = place.store();
    inserted(*store, {});  // makes the -shm file
    // Another program: Perl takes the very lock and stops itself.
    const std::string shm = place.path() + "-shm";
    const char* const kProgram =
        "use Fcntl; open my $f, '+<', $ARGV[0] or die; my $l = pack('s s x4 q q i x4',"
        " F_WRLCK, 0, 120, 1, 0); fcntl($f, F_SETLK, $l) or die; kill 'STOP', $$;";
    const pid_t child = fork();
    if (child == 0) {
        execlp("perl", "perl", "-e", kProgram, shm.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
    ck_assert(WIFSTOPPED(status));
    ck_assert(worker::sqlite::writeLockHolder(place.path()) == child);
    ck_assert(!worker::sqlite::endStoppedHolder(place.path()));
    ck_assert_int_eq(signalThatEnded(child, WNOHANG), 0);
    kill(child, SIGKILL);
    ck_assert_int_eq(signalThatEnded(child, 0), SIGKILL);
}

// Killed at any moment: what was confirmed is there, and the file is whole.
START_TEST(survivesKill) {
    SqlitePlace place;
    place.store();
    uint64_t stored = 0;
    for (int round = 0; round < 10; ++round) {
        int confirmed[2];
        ck_assert_int_eq(pipe(confirmed), 0);
        const pid_t child = fork();
        if (child == 0) {
            const auto store = place.store();
            for (uint64_t seq = stored + 1;; ++seq) {
                inserted(*store,
                         {messageOf("c", seq, "ann", seq, std::to_string(seq))});
                (void)!write(confirmed[1], &seq, sizeof(seq));
            }
        }
        close(confirmed[1]);
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * round));
        kill(child, SIGKILL);
        ck_assert_int_eq(signalThatEnded(child, 0), SIGKILL);
        uint64_t seq = stored;
        while (read(confirmed[0], &seq, sizeof(seq)) == sizeof(seq)) {
        }
        close(confirmed[0]);
        const auto all = taken(place.store()->history({kSite, "c"}, {{}, {}, 100000}));
        ck_assert_uint_ge(all.size(), seq);
        ck_assert_uint_le(all.size(), seq + 1);
        stored = all.size();
    }
    ck_assert_uint_gt(stored, 0);
}

}  // namespace

Suite* store_sqliteSuite() {
    return suiteOf(
        "store_sqlite",
        {makesItsDirectory, leavesForeignFilesAlone, noticesThatItsFileIsGone, fullDisk,
         checkpointsWhileOthersRead, upgradesFromEachVersion, endsAStoppedHolder,
         waitsForALiveHolder, sparesAForeignHolder, survivesKill});
}

}  // namespace messaging::unit
