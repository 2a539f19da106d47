// CPU time comes from /proc, in ticks of a hundredth of a second: a run of seconds is
// told to a percent.
#include "t/bench/report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "t/bench/loop.hpp"

namespace messaging::bench {
namespace {

// utime and stime of a process, all its threads; 0 where it is gone.
double cpuSeconds(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const size_t name = text.rfind(')');
    unsigned long user = 0;
    unsigned long system = 0;
    if (name == std::string::npos ||
        sscanf(text.c_str() + name + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
               " %lu %lu",
               &user, &system) != 2) {
        return 0;
    }
    return static_cast<double>(user + system) /
           static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void real(json::Writer& writer, std::string_view name, double value) {
    char text[64];
    snprintf(text, sizeof text, "%.3f", value);
    writer.key(name).raw(text);
}

void Latencies::write(json::Writer& writer, const std::string& name) {
    std::sort(values_.begin(), values_.end());
    const auto at = [&](double share) {
        if (values_.empty()) {
            return 0.0;
        }
        const auto last = static_cast<double>(values_.size() - 1);
        return static_cast<double>(values_[static_cast<size_t>(last * share)]) / 1000;
    };
    real(writer, name + "_p50_us", at(0.5));
    real(writer, name + "_p99_us", at(0.99));
    real(writer, name + "_p999_us", at(0.999));
    real(writer, name + "_max_us", at(1));
}

Cpu::Cpu(std::vector<std::pair<std::string, int>> watched)
    : watched_(std::move(watched)) {
    watched_.emplace_back("load", getpid());
}

std::vector<double> Cpu::seconds() const {
    std::vector<double> all;
    for (const auto& process : watched_) {
        all.push_back(cpuSeconds(process.second));
    }
    return all;
}

void Cpu::start() {
    started_ = now();
    used_ = seconds();
}

void Cpu::stop() {
    elapsed_ = static_cast<double>(now() - started_) / static_cast<double>(kSecond);
    const std::vector<double> after = seconds();
    for (size_t i = 0; i < used_.size(); i++) {
        used_[i] = after[i] - used_[i];
    }
}

void Cpu::write(json::Writer& writer) const {
    writer.key("cpu").object();
    for (size_t i = 0; i < used_.size(); i++) {
        real(writer, watched_[i].first, used_[i] / elapsed_);
    }
    writer.end();
}

}  // namespace messaging::bench
