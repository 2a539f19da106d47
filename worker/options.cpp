// The only user of CLI11, whose exceptions end here.
#include "worker/options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/data_file.hpp"

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
    const uint64_t seconds = unitSeconds(text.substr(digits));
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

// A site's name, as nginx's directive takes it.
std::string checkSite(const std::string& text) {
    return validSite(text) ? "" : "a site is 1 to 64 of a-z, 0-9, _ and -";
}

CLI::Option* addSite(CLI::App* command, Options& options) {
    return command
        ->add_option("--site", options.site, "The site, as in `messaging site=`")
        ->check(CLI::Validator(checkSite, "NAME"));
}

void addData(CLI::App* command, std::string& folder) {
    folder = kDataFolder;
    command->add_option("--data", folder, "Folder of presets and demonstration data")
        ->capture_default_str();
}

void addPeople(CLI::App* people, Options& options) {
    people->fallthrough();
    addSite(people, options)->required();
    people
        ->add_option("FILE", options.file,
                     "A JSON object a line: {\"id\", \"role\"?, \"name\"?}")
        ->required();
}

void addImport(CLI::App* import, Options& options) {
    import->fallthrough();
    addSite(import, options)->required();
    import->add_option("--source", options.import.source, "mongodb://HOST/DATABASE")
        ->check(CLI::Validator(checkStore, "URI"))
        ->required();
    import
        ->add_option("--from", options.import.from,
                     "What it is: monmariage, marketplace, pro-admin, promoto, or a "
                     "file")
        ->required();
    import->add_option("--field", options.import.fields,
                       "NAME=VALUE: another field than the preset's; may be repeated");
    import->add_option("--report", options.import.report, "Write a report (JSON) here");
    import->add_flag("--dry-run", options.import.dry, "Write nothing to the store");
    addData(import, options.import.data);
}

void addSeed(CLI::App* seed, Options& options) {
    seed->fallthrough();
    addSite(seed, options);
    seed->add_option("PROFILE", options.seed.profile,
                     "monmariage, marketplace, pro-admin, promoto, or a file")
        ->required();
    addData(seed, options.seed.data);
}

// Where it is not said: the one of the shipped profile, whose locations are of a site
// of its name. A file says nothing of the kind.
std::string seededSite(const CLI::App& seed, const Options& options) {
    if (seed.count("--site") > 0) {
        return options.site;
    }
    if (options.seed.profile.find_first_of("./") != std::string::npos) {
        throw CLI::RequiredError("--site");
    }
    return options.seed.profile;
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
    CLI::App* people = app.add_subcommand(
        "people", "Store ids, roles and names that the site knows, and exit");
    CLI::App* import = app.add_subcommand(
        "import", "Store the conversations of a site's own MongoDB, and exit");
    CLI::App* seed =
        app.add_subcommand("seed", "Store demonstration data of a profile, and exit");
    const std::pair<CLI::App*, Options::Action> tools[] = {
        {check, Options::Action::Check},
        {people, Options::Action::People},
        {import, Options::Action::Import},
        {seed, Options::Action::Seed}};
    try {
        addOptions(app, options, endpoint);
        addPeople(people, options);
        addImport(import, options);
        addSeed(seed, options);
        app.parse(argc, argv);
        parseEndpoint(endpoint, &options.redis);
        if (!options.redis.user.empty() && options.redis.passwordFile.empty()) {
            throw CLI::ValidationError("--redis-user", "needs --redis-password-file");
        }
        options.action = revoke->parsed() ? Options::Action::Revoke : options.action;
        options.lasts = secondsOf(lasts);
        for (const auto& [command, action] : tools) {
            options.action = command->parsed() ? action : options.action;
        }
        options.import.site = options.site;
        options.seed.site = seed->parsed() ? seededSite(*seed, options) : options.site;
        parsed.options = std::move(options);
    } catch (const CLI::CallForVersion& call) {
        parsed.text = call.what();
    } catch (const CLI::CallForHelp&) {
        parsed.text = app.help();
    } catch (const CLI::CallForAllHelp&) {
        parsed.text = app.help("", CLI::AppFormatMode::All);
    } catch (const CLI::Error& error) {
        parsed.text = error.what();
        parsed.exitStatus = 1;
        for (const auto& [command, action] : tools) {
            parsed.exitStatus = app.got_subcommand(command) ? 2 : parsed.exitStatus;
        }
    }
    return parsed;
}

}  // namespace messaging::worker
