// A worker is taken for dead only on proof: its PID is gone, is a zombie, or is another
// process's by now. Where /proc hides it, kill(pid, 0) still tells a living one.
#include "worker/shards.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "schema/text.hpp"

namespace messaging::worker {

namespace {

std::string firstLine(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string linkTarget(const char* path) {
    char target[128];
    ssize_t length = readlink(path, target, sizeof target);
    return length > 0 ? std::string(target, static_cast<size_t>(length))
                      : std::string();
}

// State and start time of a process, from /proc/PID/stat; nothing where that is hidden.
struct ProcessState {
    std::string state;
    std::string start;
};

std::optional<ProcessState> processState(const std::string& pid) {
    std::string line = firstLine("/proc/" + pid + "/stat");
    // The name stands in parentheses and may hold anything; what follows is fields 3,
    // 4, …
    size_t name = line.rfind(')');
    if (name == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream rest(line.substr(name + 1));
    std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    constexpr size_t kState = 0;
    constexpr size_t kStart = 19;  // field 22
    if (fields.size() <= kStart) {
        return std::nullopt;
    }
    return ProcessState{fields[kState], fields[kStart]};
}

}  // namespace

Owner parseOwner(std::string_view id) {
    size_t second = id.rfind(':');
    if (second == std::string_view::npos || second == 0) {
        return {};
    }
    size_t first = id.rfind(':', second - 1);
    if (first == std::string_view::npos || first == 0) {
        return {};
    }
    auto pid = parseUnsigned(id.substr(first + 1, second - first - 1));
    if (!pid || *pid == 0 || *pid > 0x7fffffff) {
        return {};
    }
    Owner owner;
    owner.place = std::string(id.substr(0, first));
    owner.pid = static_cast<long>(*pid);
    owner.start = std::string(id.substr(second + 1));
    return owner;
}

Owner thisOwner() {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    std::string names = linkTarget("/proc/self/ns/pid");  // "pid:[4026531836]"
    names = names.substr(0, names.find(']'));
    names.erase(0, names.find('[') + 1);
    Owner self;
    std::string boot = firstLine("/proc/sys/kernel/random/boot_id").substr(0, 8);
    self.pid = getpid();
    auto state = processState(std::to_string(self.pid));
    self.start = state ? state->start : "0";
    if (boot.empty() || names.empty()) {
        // Somewhere that cannot be told from other places: nobody else is there.
        boot = "?" + self.start;
        names = std::to_string(self.pid);
    }
    self.place = std::string(host) + "/" + boot + "/" + names;
    return self;
}

bool surelyDead(std::string_view id, const Owner& self) {
    Owner owner = parseOwner(id);
    if (owner.place.empty() || owner.place != self.place) {
        return false;
    }
    if (kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) {
        return true;
    }
    auto state = processState(std::to_string(owner.pid));
    return state &&
           (state->state == "Z" || state->state == "X" || state->start != owner.start);
}

Fate fateOf(const std::string& id, const std::set<std::string>& living,
            const Owner& self) {
    if (surelyDead(id, self)) {
        return Fate::Dead;
    }
    return living.count(id) > 0 ? Fate::Lives : Fate::Silent;
}

unsigned fairShare(size_t alive, size_t rank) {
    const size_t others = alive == 0 ? 1 : alive;
    return static_cast<unsigned>(limits::kShards / others +
                                 (rank < limits::kShards % others ? 1 : 0));
}

ShardPlan planShards(const Holders& holders, unsigned share, unsigned offset) {
    ShardPlan plan;
    std::vector<unsigned> mine;
    std::vector<unsigned> open;
    for (unsigned step = 0; step < limits::kShards; ++step) {
        unsigned shard = (offset + step) % limits::kShards;
        if (holders[shard] == Holder::Mine) {
            mine.push_back(shard);
        } else if (holders[shard] != Holder::Other) {
            open.push_back(shard);
        }
    }
    for (unsigned shard : open) {
        if (mine.size() + plan.take.size() < share) {
            plan.take.push_back(shard);
        }
    }
    while (mine.size() > share) {
        plan.give.push_back(mine.back());
        mine.pop_back();
    }
    return plan;
}

}  // namespace messaging::worker
