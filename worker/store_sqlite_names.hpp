// Ids and their numbers: the SQLite store keeps each opaque id once and names it by a
// number everywhere else. Numbers never change, so what was found once is remembered;
// nothing else of the database is. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "worker/store_sqlite_db.hpp"

namespace messaging::worker::sqlite {

class Names {
public:
    explicit Names(Database& database) : database_(database) {}

    // 0: nobody ever named it.
    Result<uint64_t> find(const std::string& site, const std::string& name);
    // Gives it a number where it has none; within a transaction. "" is 0.
    Result<uint64_t> make(const std::string& site, const std::string& name);

    // After a transaction that was not surely committed, or with another file in the
    // old one's place: what it named may be nothing.
    void forget() { known_.clear(); }

private:
    // About 150 bytes each.
    static constexpr size_t kMostKnown = 50000;

    Result<uint64_t> look(const std::string& site, const std::string& name);
    void remember(std::string key, uint64_t id);

    Database& database_;
    std::unordered_map<std::string, uint64_t> known_;
};

}  // namespace messaging::worker::sqlite
