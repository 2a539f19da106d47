// The only user of CLI11, whose exceptions end here.
#include "worker/options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::worker {

namespace {

constexpr char kVersion[] = "messaging-worker 0.1.0";
constexpr unsigned kMaxReaders = 64;
constexpr unsigned kMaxDatabase = 65535;

// A validator says what is wrong, and "" where nothing is.

std::string checkEndpoint(const std::string& text) {
    RedisOptions ignored;
    return parseEndpoint(text, &ignored)
               ? ""
               : "'" + text + "' is neither HOST:PORT nor unix:PATH";
}

std::string checkPrefix(const std::string& text) {
    return validPrefix(text) ? "" : kPrefixRule;
}

// Not repeated in the message: it may hold a password.
std::string checkStore(const std::string& text) {
    for (std::string_view scheme : {"sqlite:", "mongodb://", "mongodb+srv://"}) {
        if (text.size() > scheme.size() &&
            text.compare(0, scheme.size(), scheme) == 0) {
            return "";
        }
    }
    return "neither sqlite:PATH nor mongodb://… nor mongodb+srv://…";
}

// 0 where it is no time, or too long.
uint64_t secondsOf(const std::string& text) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parseUnsigned(text.substr(0, digits));
    const std::string unit = text.substr(digits);
    const uint64_t seconds = unit == "s"   ? 1
                             : unit == "m" ? 60
                             : unit == "h" ? 3600
                             : unit == "d" ? 86400
                                           : 0;
    const bool fits =
        number && seconds > 0 && *number <= limits::kMaxRevocationSeconds / seconds;
    return fits ? *number * seconds : 0;
}

std::string checkTime(const std::string& text) {
    return secondsOf(text) > 0 ? "" : "'" + text + "' is no time such as 90m, 12h, 31d";
}

void addOptions(CLI::App& app, Options& options, std::string& endpoint) {
    app.set_config("--config", "",
                   "Read options from this file, a line each: NAME=VALUE");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.add_option("--redis", endpoint, "Redis: HOST:PORT or unix:PATH")
        ->envname("MESSAGING_REDIS")
        ->check(CLI::Validator(checkEndpoint, "ADDRESS"))
        ->capture_default_str();
    app.add_option("--redis-user", options.redis.user, "Redis ACL user")
        ->envname("MESSAGING_REDIS_USER");
    app.add_option("--redis-password-file", options.redis.passwordFile,
                   "File whose first line is the Redis password")
        ->envname("MESSAGING_REDIS_PASSWORD_FILE")
        ->check(CLI::ExistingFile);
    app.add_option("--redis-db", options.redis.database, "Redis database number")
        ->envname("MESSAGING_REDIS_DB")
        ->check(CLI::Range(0u, kMaxDatabase))
        ->capture_default_str();
    app.add_option("--prefix", options.prefix,
                   "Start of every key and channel in Redis")
        ->envname("MESSAGING_PREFIX")
        ->check(CLI::Validator(checkPrefix, "TEXT"))
        ->capture_default_str();
    app.add_option("--store", options.store, "sqlite:PATH or mongodb://…")
        ->envname("MESSAGING_STORE")
        ->check(CLI::Validator(checkStore, "URI"))
        ->capture_default_str();
    app.add_option("--readers", options.readers, "Threads that answer reads")
        ->envname("MESSAGING_READERS")
        ->check(CLI::Range(1u, kMaxReaders))
        ->capture_default_str();
    app.add_option("--log-level", options.logLevel, "What to log")
        ->envname("MESSAGING_LOG_LEVEL")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
}

}  // namespace

bool parseEndpoint(const std::string& text, RedisOptions* redis) {
    constexpr std::string_view kUnix = "unix:";
    if (text.compare(0, kUnix.size(), kUnix) == 0) {
        redis->path = text.substr(kUnix.size());
        return !redis->path.empty();
    }
    std::string host = text;
    std::string port = "6379";
    size_t colon = text.rfind(':');
    bool bracketed = !text.empty() && text[0] == '[';
    if (colon != std::string::npos && (!bracketed || text[colon - 1] == ']')) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    }
    if (bracketed) {
        if (host.size() < 3 || host.back() != ']') {
            return false;
        }
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        return false;
    }
    auto number = parseUnsigned(port);
    if (host.empty() || !number || *number == 0 || *number > 65535) {
        return false;
    }
    redis->host = host;
    redis->port = static_cast<int>(*number);
    redis->path.clear();
    return true;
}

ParsedOptions parseOptions(int argc, const char* const* argv) {
    ParsedOptions parsed;
    Options options;
    std::string endpoint = "127.0.0.1:6379";
    CLI::App app{
        "Decides, stores and publishes what nginx's messaging module asks for.",
        "messaging-worker"};
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(0, 1);
    app.add_subcommand("run", "Serve until SIGTERM (what happens without a command)")
        ->fallthrough();
    CLI::App* check = app.add_subcommand(
        "check",
        "Compare every membership's numbers with its messages, and exit: 0 none "
        "differs, 1 some differ and were not repaired, 2 it could not be told");
    check->fallthrough();
    check->add_flag("--repair", options.repair, "Set right what differs");
    CLI::App* revoke = app.add_subcommand(
        "revoke",
        "Refuse every token of a user that was issued up to now, and end their "
        "streams");
    revoke->fallthrough();
    std::string lasts = "31d";
    revoke->add_option("USER", options.user, "Whose")->required();
    revoke->add_option("--site", options.site, "As messaging site= names it")
        ->capture_default_str();
    revoke->add_option("--session", options.session, "Only this session's (sid)");
    revoke->add_option("--for", lasts, "Until such tokens have expired: 90m, 12h, 31d")
        ->check(CLI::Validator(checkTime, "TIME"))
        ->capture_default_str();
    try {
        addOptions(app, options, endpoint);
        app.parse(argc, argv);
        parseEndpoint(endpoint, &options.redis);
        if (!options.redis.user.empty() && options.redis.passwordFile.empty()) {
            throw CLI::ValidationError("--redis-user", "needs --redis-password-file");
        }
        if (check->parsed()) {
            options.action = Options::Action::Check;
        } else if (revoke->parsed()) {
            options.action = Options::Action::Revoke;
        }
        options.lasts = secondsOf(lasts);
        parsed.options = std::move(options);
    } catch (const CLI::CallForVersion& call) {
        parsed.text = call.what();
    } catch (const CLI::CallForHelp&) {
        parsed.text = app.help();
    } catch (const CLI::CallForAllHelp&) {
        parsed.text = app.help("", CLI::AppFormatMode::All);
    } catch (const CLI::Error& error) {
        parsed.text = error.what();
        parsed.exitStatus = app.got_subcommand(check) ? 2 : 1;
    }
    return parsed;
}

}  // namespace messaging::worker
