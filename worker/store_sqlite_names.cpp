// A number that is found in the database was committed or is this transaction's own, so
// it may be remembered by whoever asks.
#include "worker/store_sqlite_names.hpp"

#include <utility>

namespace messaging::worker::sqlite {
namespace {

// Neither part can end where the other begins.
std::string keyOf(const std::string& site, const std::string& name) {
    std::string key = std::to_string(site.size());
    key.reserve(key.size() + 1 + site.size() + name.size());
    return key.append(1, ' ').append(site).append(name);
}

}  // namespace

Result<uint64_t> Names::find(const std::string& site, const std::string& name) {
    std::string key = keyOf(site, name);
    if (const auto known = known_.find(key); known != known_.end()) {
        return known->second;
    }
    auto id = look(site, name);
    if (id.ok() && id.value() != 0) {
        remember(std::move(key), id.value());
    }
    return id;
}

Result<uint64_t> Names::make(const std::string& site, const std::string& name) {
    if (name.empty()) {
        return uint64_t{0};
    }
    auto id = find(site, name);
    if (!id.ok() || id.value() != 0) {
        return id;
    }
    Query insert(database_, "INSERT INTO names (site, name) VALUES (?, ?)");
    insert.bind(site).bind(name);
    if (!insert.run()) {
        return insert.failure("naming");
    }
    const auto made =
        static_cast<uint64_t>(sqlite3_last_insert_rowid(database_.connection()));
    remember(keyOf(site, name), made);
    return made;
}

Result<uint64_t> Names::look(const std::string& site, const std::string& name) {
    Query query(database_, "SELECT id FROM names WHERE site = ? AND name = ?");
    query.bind(site).bind(name);
    const uint64_t id = query.row() ? query.number() : 0;
    return query.ok() ? Result<uint64_t>(id) : query.failure("looking up a name");
}

void Names::remember(std::string key, uint64_t id) {
    if (known_.size() >= kMostKnown) {
        known_.clear();  // rare, and cheaper than to know which are needed
    }
    known_.emplace(std::move(key), id);
}

}  // namespace messaging::worker::sqlite
