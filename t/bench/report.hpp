// What a run prints: one line of JSON. With it, the CPU time that each process used
// while it measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/json.hpp"

namespace messaging::bench {

// Percentiles of times in nanoseconds; sorts them.
class Latencies {
public:
    void add(int64_t nanoseconds) { values_.push_back(nanoseconds); }
    size_t count() const { return values_.size(); }
    // NAME_p50_us, NAME_p99_us, NAME_p999_us and NAME_max_us.
    void write(json::Writer& writer, const std::string& name);

private:
    std::vector<int64_t> values_;
};

// Shares of one core that this process ("load") and the watched ones used.
class Cpu {
public:
    explicit Cpu(std::vector<std::pair<std::string, int>> watched);
    void start();
    void stop();
    void write(json::Writer& writer) const;  // member `cpu`

private:
    std::vector<double> seconds() const;

    std::vector<std::pair<std::string, int>> watched_;
    int64_t started_ = 0;
    std::vector<double> used_;
    double elapsed_ = 1;
};

void real(json::Writer& writer, std::string_view name, double value);

}  // namespace messaging::bench
