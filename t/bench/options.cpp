// Every option is --NAME=VALUE, so that a script can build the line from a table.
#include "t/bench/options.hpp"

#include <cstdlib>
#include <string_view>

#include "t/bench/loop.hpp"

namespace messaging::bench {
namespace {

constexpr char kUsage[] =
    "usage: bench-load send|rest|poll|idle --port=N --key=FILE [--target=nchan]\n"
    "  [--users=N] [--senders=N] [--clients=N] [--seconds=S] [--warmup=S]\n"
    "  [--rate=R] [--fill=N] [--path=PATH] [--prefix=PATH] [--http2=1]\n"
    "  [--watch=NAME:PID]...\n"
    "Prints one line of JSON. idle holds its streams until its input ends.";

struct Number {
    std::string_view name;
    int Options::*member;
};
constexpr Number kNumbers[] = {
    {"port", &Options::port},       {"users", &Options::users},
    {"senders", &Options::senders}, {"clients", &Options::clients},
    {"fill", &Options::fill},
};

struct Real {
    std::string_view name;
    double Options::*member;
};
constexpr Real kReals[] = {
    {"seconds", &Options::seconds},
    {"warmup", &Options::warmup},
    {"rate", &Options::rate},
};

struct Text {
    std::string_view name;
    std::string Options::*member;
};
constexpr Text kTexts[] = {
    {"target", &Options::target},
    {"prefix", &Options::prefix},
    {"path", &Options::path},
    {"key", &Options::key},
};

bool set(Options& options, std::string_view name, const std::string& value) {
    for (const Number& number : kNumbers) {
        if (name == number.name) {
            options.*number.member = atoi(value.c_str());
            return true;
        }
    }
    for (const Real& real : kReals) {
        if (name == real.name) {
            options.*real.member = atof(value.c_str());
            return true;
        }
    }
    for (const Text& text : kTexts) {
        if (name == text.name) {
            options.*text.member = value;
            return true;
        }
    }
    const size_t colon = value.find(':');
    if (name == "watch" && colon != std::string::npos) {
        options.watch.emplace_back(value.substr(0, colon),
                                   atoi(value.c_str() + colon + 1));
        return true;
    }
    if (name == "http2") {
        options.http2 = value == "1";
        return true;
    }
    return false;
}

}  // namespace

Options parseOptions(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        const size_t equals = word.find('=');
        if (word.compare(0, 2, "--") != 0 || equals == std::string::npos) {
            options.mode = word;
        } else if (!set(options, word.substr(2, equals - 2), word.substr(equals + 1))) {
            die("unknown option %s\n%s", word.c_str(), kUsage);
        }
    }
    if (options.mode.empty() || options.port <= 0 || options.users <= 0 ||
        options.senders <= 0 || options.clients <= 0) {
        die("%s", kUsage);
    }
    return options;
}

}  // namespace messaging::bench
