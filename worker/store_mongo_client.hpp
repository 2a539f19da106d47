// The connection to MongoDB: made, checked, made anew after a failure, and the
// database's schema applied. One thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "schema/status.hpp"
#include "worker/store_mongo_bson.hpp"

namespace messaging::worker::mongo {

enum class Name {
    Conversations,
    Messages,
    Memberships,
    Users,
    Notes,
    Meta,
    Revocations,
    Words,
};
constexpr size_t kNames = 8;

// The URI with what this store demands and, where it says nothing, our timeouts.
Result<UniqueUri> parseUri(const std::string& text);

class Client {
public:
    explicit Client(UniqueUri uri) : uri_(std::move(uri)) {}

    // Connects and applies the schema.
    Status open();
    // Makes a client where there is none. libmongoc would not try a server again for
    // five seconds after a failure, so after one the next call starts with a new
    // client.
    Status ready();
    Status ping();

    // Only between ready() and the next failure.
    mongoc_collection_t* collection(Name name) const {
        return collections_[static_cast<size_t>(name)].get();
    }
    // In the server's words, or libmongoc's.
    Status failure(Code code, std::string_view what, const bson_error_t& error);

private:
    Status checkVersion();
    Status applySchema();
    Status run(const Document& command, uint32_t ignored, std::string_view what);
    Status writeVersion();

    UniqueUri uri_;
    std::string databaseName_;
    bool broken_ = false;
    UniqueClient client_;  // outlives what follows
    UniqueDatabase database_;
    std::array<UniqueCollection, kNames> collections_;
};

}  // namespace messaging::worker::mongo
