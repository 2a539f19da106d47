// A worker that was stopped (SIGSTOP, a frozen container) inside its transaction keeps
// the file's write lock, and nobody else can write until it is gone. Killing a worker
// is always correct: what it had not committed was never there.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace messaging::worker::sqlite {

// The process that holds the write lock of this database's WAL, if another one does.
std::optional<pid_t> writeLockHolder(const std::string& databasePath);

// Kills the holder if it runs this very executable and was stopped during all of half a
// second. Never anything else. True if it was killed.
bool endStoppedHolder(const std::string& databasePath);

}  // namespace messaging::worker::sqlite
