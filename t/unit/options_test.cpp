// Tests for the worker's options: where they come from, which wins, and that a wrong
// one is refused by its name.
#include "worker/options.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using worker::Options;
using worker::ParsedOptions;
using worker::RedisOptions;

ParsedOptions parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "messaging-worker");
    return worker::parseOptions(static_cast<int>(arguments.size()), arguments.data());
}

// A file that is gone after the test.
class File {
public:
    explicit File(const std::string& text) {
        char path[] = "/tmp/messaging-options-XXXXXX";
        const int descriptor = mkstemp(path);
        ck_assert_int_ge(descriptor, 0);
        close(descriptor);
        path_ = path;
        std::ofstream(path_) << text;
    }
    ~File() { unlink(path_.c_str()); }
    const char* path() const { return path_.c_str(); }

private:
    std::string path_;
};

bool names(const ParsedOptions& parsed, const char* option) {
    return !parsed.options && parsed.exitStatus == 1 &&
           parsed.text.find(option) != std::string::npos;
}

START_TEST(defaults) {
    const ParsedOptions parsed = parse({});
    ck_assert(parsed.options.has_value());
    ck_assert(parsed.options->action == Options::Action::Run);
    EXPECT_TEXT(parsed.options->redis.host, "127.0.0.1");
    ck_assert_int_eq(parsed.options->redis.port, 6379);
    EXPECT_TEXT(parsed.options->redis.path, "");
    EXPECT_TEXT(parsed.options->prefix, "messaging:");
    EXPECT_TEXT(parsed.options->store, "sqlite:/var/lib/messaging/messaging.db");
    EXPECT_TEXT(parsed.options->logLevel, "info");
    ck_assert_uint_eq(parsed.options->readers, 2);
}

START_TEST(endpoints) {
    struct {
        const char* text;
        const char* host;
        int port;
        const char* path;
    } good[] = {{"redis:7000", "redis", 7000, ""},
                {"redis", "redis", 6379, ""},
                {"10.0.0.1:1", "10.0.0.1", 1, ""},
                {"[::1]:7000", "::1", 7000, ""},
                {"[::1]", "::1", 6379, ""},
                {"unix:/run/redis.sock", "127.0.0.1", 6379, "/run/redis.sock"}};
    for (const auto& row : good) {
        RedisOptions redis;
        EXPECT_FOR(worker::parseEndpoint(row.text, &redis), row.text);
        EXPECT_TEXT(redis.host, row.host);
        EXPECT_TEXT(redis.path, row.path);
        ck_assert_int_eq(redis.port, row.port);
    }
    for (const char* bad : {"", ":", ":1", "host:", "host:0", "host:65536", "host:x",
                            "::1", "[::1", "[]:1", "unix:", "a:b:1"}) {
        RedisOptions redis;
        EXPECT_FOR(!worker::parseEndpoint(bad, &redis), bad);
    }
}

START_TEST(wrongOnesAreNamed) {
    ck_assert(names(parse({"--redis", "host:x"}), "--redis"));
    ck_assert(names(parse({"--redis-db", "-1"}), "--redis-db"));
    ck_assert(
        names(parse({"--redis-password-file", "/no/such"}), "--redis-password-file"));
    ck_assert(names(parse({"--redis-user", "u"}), "--redis-user"));
    ck_assert(names(parse({"--prefix", "a{b}"}), "--prefix"));
    ck_assert(names(parse({"--prefix", ""}), "--prefix"));
    ck_assert(names(parse({"--store", "oracle:x"}), "--store"));
    ck_assert(names(parse({"--readers", "0"}), "--readers"));
    ck_assert(names(parse({"--readers", "many"}), "--readers"));
    ck_assert(names(parse({"--log-level", "loud"}), "--log-level"));
    ck_assert(names(parse({"--colour"}), "--colour"));
    ck_assert(names(parse({"--config", "/no/such"}), "/no/such"));
}

START_TEST(aPasswordIsNotRepeated) {
    const ParsedOptions parsed = parse({"--store", "mongo://user:secret@host"});
    ck_assert(names(parsed, "--store"));
    ck_assert(parsed.text.find("secret") == std::string::npos);
}

START_TEST(actions) {
    ck_assert(parse({"run"}).options->action == Options::Action::Run);
    ck_assert(parse({"check"}).options->action == Options::Action::Check);
    ck_assert(!parse({"check"}).options->repair);
    const ParsedOptions repair = parse({"check", "--repair", "--store", "sqlite:/x"});
    ck_assert(repair.options && repair.options->repair);
    EXPECT_TEXT(repair.options->store, "sqlite:/x");
    ck_assert(names(parse({"dance"}), "dance"));
    ck_assert_int_eq(parse({"check", "--readers", "0"}).exitStatus, 2);
}

START_TEST(revoke) {
    auto parsed = parse({"revoke", "alice"});
    ck_assert(parsed.options->action == Options::Action::Revoke);
    EXPECT_TEXT(parsed.options->user, "alice");
    EXPECT_TEXT(parsed.options->site, "default");
    EXPECT_TEXT(parsed.options->session, "");
    ck_assert_uint_eq(parsed.options->lasts, 31 * 86400);
    parsed =
        parse({"revoke", "--site", "shop", "bob", "--session", "s1", "--for", "90m"});
    EXPECT_TEXT(parsed.options->user, "bob");
    EXPECT_TEXT(parsed.options->site, "shop");
    EXPECT_TEXT(parsed.options->session, "s1");
    ck_assert_uint_eq(parsed.options->lasts, 90 * 60);
    for (const char* time : {"", "0s", "-1s", "1", "s", "1w", "1.5h", "1 h", "3661d",
                             "99999999999999999999s"}) {
        EXPECT_FOR(!parse({"revoke", "bob", "--for", time}).options, time);
    }
    ck_assert(!parse({"revoke"}).options);
    ck_assert(!parse({"revoke", "a", "b"}).options);
    ck_assert(!parse({"--session", "s"}).options);
}

START_TEST(helpAndVersion) {
    const ParsedOptions help = parse({"--help"});
    ck_assert(!help.options && help.exitStatus == 0);
    ck_assert(help.text.find("--store") != std::string::npos);
    const ParsedOptions version = parse({"--version"});
    ck_assert(!version.options && version.exitStatus == 0);
    ck_assert(version.text.find("messaging-worker ") == 0);
}

START_TEST(sources) {
    const File config(
        "# a comment\n"
        "redis=unix:/from/file\n"
        "readers=3\n"
        "store=\"mongodb://a,b/name?replicaSet=rs\"\n");
    setenv("MESSAGING_READERS", "4", 1);
    setenv("MESSAGING_PREFIX", "env:", 1);
    const ParsedOptions parsed =
        parse({"--config", config.path(), "--prefix", "line:"});
    unsetenv("MESSAGING_READERS");
    unsetenv("MESSAGING_PREFIX");
    ck_assert_msg(parsed.options.has_value(), "%s", parsed.text.c_str());
    EXPECT_TEXT(parsed.options->redis.path, "/from/file");
    EXPECT_TEXT(parsed.options->store, "mongodb://a,b/name?replicaSet=rs");
    EXPECT_TEXT(parsed.options->prefix, "line:");
    ck_assert_uint_eq(parsed.options->readers, 3);
}

START_TEST(unknownInFile) {
    const File config("colour=red\n");
    ck_assert(names(parse({"--config", config.path()}), "colour"));
}

}  // namespace

Suite* optionsSuite() {
    return suiteOf("options",
                   {defaults, endpoints, wrongOnesAreNamed, aPasswordIsNotRepeated,
                    actions, revoke, helpAndVersion, sources, unknownInFile});
}

}  // namespace messaging::unit
