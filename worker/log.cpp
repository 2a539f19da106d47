// journald keeps its own time and takes the priority from a leading <N>; everybody else
// gets the time in UTC.
#include "worker/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace messaging::worker {

namespace {

// Whether stderr is the stream that journald gave this process, and not sent elsewhere.
bool toJournal() {
    const char* stream = std::getenv("JOURNAL_STREAM");  // "DEVICE:INODE"
    struct stat status = {};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) {
        return false;
    }
    return stream ==
           std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

// syslog's priority of a line.
class Priority : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        char digit = '6';
        switch (message.level) {
            case spdlog::level::critical:
            case spdlog::level::err:
                digit = '3';
                break;
            case spdlog::level::warn:
                digit = '4';
                break;
            case spdlog::level::debug:
            case spdlog::level::trace:
                digit = '7';
                break;
            default:
                break;
        }
        out.push_back(digit);
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<Priority>();
    }
};

}  // namespace

std::shared_ptr<spdlog::logger> makeLogger(const std::string& level) {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("messaging-worker", std::move(sink));
    auto format =
        std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    format->add_flag<Priority>('*');
    format->set_pattern(toJournal() ? "<%*>%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l: %v");
    logger->set_formatter(std::move(format));
    logger->set_level(spdlog::level::from_str(level));
    return logger;
}

}  // namespace messaging::worker
