// Chooses the store by its URI.
#include "worker/store.hpp"

#include "worker/store_mongo.hpp"
#include "worker/store_sqlite.hpp"

namespace messaging::worker {
namespace {

bool startsWith(const std::string& text, std::string_view prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

Result<std::unique_ptr<Store>> makeStore(const std::string& uri) {
    constexpr std::string_view kSqlite = "sqlite:";
    if (startsWith(uri, kSqlite)) {
        std::string path = uri.substr(kSqlite.size());
        // SQLite reads a path that begins with ":" as a database in memory.
        if (path.empty() || path.front() == ':' || path.back() == '/') {
            return {Code::InvalidField, "sqlite: the path of a file must follow",
                    "store"};
        }
        return makeSqliteStore(std::move(path));
    }
    if (startsWith(uri, "mongodb://") || startsWith(uri, "mongodb+srv://")) {
        return makeMongoStore(uri);
    }
    // Not quoted: what was meant for another form may hold a password.
    return {Code::InvalidField, "a store is sqlite:PATH or mongodb://…", "store"};
}

}  // namespace messaging::worker
