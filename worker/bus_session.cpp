// A Redis that may evict keys would evict commands that nobody has run, and logs
// without telling their readers; one before 6.2 does not know XTRIM MINID and XPENDING
// IDLE.
#include "worker/bus_session.hpp"

#include "schema/redis_words.hpp"
#include "schema/text.hpp"

namespace messaging::worker {

namespace {

constexpr unsigned kMajor = 6;
constexpr unsigned kMinor = 2;

bool newEnough(std::string_view version) {
    size_t dot = version.find('.');
    if (dot == std::string_view::npos) {
        return false;
    }
    std::string_view rest = version.substr(dot + 1);
    auto major = parseUnsigned(version.substr(0, dot));
    auto minor = parseUnsigned(rest.substr(0, rest.find('.')));
    return major && minor &&
           (*major > kMajor || (*major == kMajor && *minor >= kMinor));
}

}  // namespace

Session::Session(RedisOptions options, std::vector<const char*> scripts)
    : redis_(std::move(options)), scripts_(std::move(scripts)) {}

Status Session::connect() {
    Status status = redis_.connect();
    if (status.ok()) {
        status = inspect();
    }
    if (status.ok()) {
        status = loadScripts();
    }
    if (!status.ok()) {
        redis_.close();
    }
    return status;
}

Status Session::inspect() {
    redis_.append({"INFO", "server"});
    redis_.append({"INFO", "memory"});
    auto answers = redis_.flush();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (answer.isError()) {
            return Status(Code::RedisUnavailable, std::string(answer.text()));
        }
    }
    std::string_view version = infoField(answers.value()[0].text(), "redis_version");
    std::string_view policy = infoField(answers.value()[1].text(), "maxmemory_policy");
    run_ = std::string(infoField(answers.value()[0].text(), "run_id"));
    if (!newEnough(version)) {
        return Status(Code::InvalidField,
                      "Redis is version " + std::string(version) + ", 6.2 is needed");
    }
    if (policy != "noeviction") {
        return Status(Code::InvalidField, "Redis has maxmemory-policy " +
                                              std::string(policy) +
                                              ", which loses commands; set noeviction");
    }
    if (run_.empty()) {
        return Status(Code::InvalidField, "Redis does not tell its run_id");
    }
    return {};
}

Status Session::loadScripts() {
    for (const char* script : scripts_) {
        redis_.append({"SCRIPT", "LOAD", script});
    }
    auto answers = redis_.flush();
    if (!answers.ok()) {
        return answers.status();
    }
    hashes_.clear();
    for (const Answer& answer : answers.value()) {
        if (answer.isError()) {
            return Status(Code::RedisUnavailable, std::string(answer.text()));
        }
        hashes_.emplace_back(answer.text());
    }
    return {};
}

void Session::script(size_t number, const std::vector<std::string_view>& keys,
                     const std::vector<std::string_view>& arguments) {
    if (number >= hashes_.size()) {
        return;
    }
    const std::string count = std::to_string(keys.size());
    Arguments all{"EVALSHA", hashes_[number], count};
    all.insert(all.end(), keys.begin(), keys.end());
    all.insert(all.end(), arguments.begin(), arguments.end());
    redis_.append(all);
}

Status Session::expect(const Node& answer) {
    if (!answer.isError()) {
        return {};
    }
    std::string detail(answer.text());
    redis_.close();
    return Status(Code::RedisUnavailable, std::move(detail));
}

Status Session::tolerate(const Node& answer) {
    if (answer.isError("OOM") || answer.isError("MISCONF")) {
        complain(answer);
        return {};
    }
    return expect(answer);
}

std::string Session::takeComplaint() {
    std::string complaint;
    complaint.swap(complaint_);
    return complaint;
}

}  // namespace messaging::worker
