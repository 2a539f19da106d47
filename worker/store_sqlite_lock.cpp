// Finds the lock's holder in /proc/locks. Asking the file itself (fcntl F_GETLK) would
// need a descriptor of the -shm file, and closing that drops every lock of ours on it,
// SQLite's too.
#include "worker/store_sqlite_lock.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include <spdlog/spdlog.h>

namespace messaging::worker::sqlite {
namespace {

// https://www.sqlite.org/walformat.html, "WAL locks": WAL_WRITE_LOCK is this byte of
// -shm.
constexpr unsigned long kWriteLockByte = 120;
constexpr std::chrono::milliseconds kStoppedFor{500};

bool sameFile(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// "254:0:9977953" as /proc/locks writes it: the device's numbers in hexadecimal.
std::string lockedFile(const struct stat& file) {
    char text[64];
    std::snprintf(text, sizeof(text), "%02x:%02x:%lu", major(file.st_dev),
                  minor(file.st_dev), static_cast<unsigned long>(file.st_ino));
    return text;
}

bool runsThisProgram(pid_t pid) {
    struct stat own {};
    struct stat other {};
    const std::string path = "/proc/" + std::to_string(pid) + "/exe";
    return stat("/proc/self/exe", &own) == 0 && stat(path.c_str(), &other) == 0 &&
           sameFile(own, other);
}

// When the process began, in the kernel's ticks, if it is stopped now. With the pid it
// names the process: a pid alone may be another one's by the next look.
std::optional<std::string> startOfStopped(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    const size_t name = line.rfind(')');  // the name may hold spaces and brackets
    if (name == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream fields(line.substr(name + 1));
    std::string field;
    constexpr int kStart =
        20;  // after the name: the state is the first, the start the 20th
    for (int i = 1; i <= kStart && fields >> field; ++i) {
        if (i == 1 && field != "T") {
            return std::nullopt;
        }
    }
    return fields ? std::optional(field) : std::nullopt;
}

// The start of the holder, if this is one that may be killed.
std::optional<std::string> startOfStoppedHolder(const std::string& path, pid_t pid) {
    if (writeLockHolder(path) != pid || !runsThisProgram(pid)) {
        return std::nullopt;
    }
    return startOfStopped(pid);
}

}  // namespace

std::optional<pid_t> writeLockHolder(const std::string& databasePath) {
    struct stat shm {};
    if (stat((databasePath + "-shm").c_str(), &shm) != 0) {
        return std::nullopt;
    }
    const std::string wanted = lockedFile(shm);
    std::ifstream locks("/proc/locks");
    std::string line;
    while (std::getline(locks, line)) {
        // "12: POSIX  ADVISORY  WRITE 4711 fe:00:9977953 120 120"; a waiting one has
        // "->".
        std::istringstream fields(line);
        std::string number, kind, mode, type, file;
        pid_t pid = 0;
        unsigned long first = 0;
        unsigned long last = 0;
        fields >> number >> kind >> mode >> type >> pid >> file >> first >> last;
        if (fields && kind == "POSIX" && type == "WRITE" && file == wanted &&
            first <= kWriteLockByte && last >= kWriteLockByte && pid > 0 &&
            pid != getpid()) {
            return pid;
        }
    }
    return std::nullopt;
}

bool endStoppedHolder(const std::string& databasePath) {
    const auto pid = writeLockHolder(databasePath);
    if (!pid) {
        return false;
    }
    const auto before = startOfStoppedHolder(databasePath, *pid);
    if (!before) {
        return false;
    }
    std::this_thread::sleep_for(kStoppedFor);
    if (startOfStoppedHolder(databasePath, *pid) != before ||
        kill(*pid, SIGKILL) != 0) {
        return false;
    }
    spdlog::warn("killed worker {}: stopped while it held the write lock of {}", *pid,
                 databasePath);
    return true;
}

}  // namespace messaging::worker::sqlite
