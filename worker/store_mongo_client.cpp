// What is asked of every server: acknowledged means on a majority's journal, and reads
// come from the primary and see only what a majority has.
#include "worker/store_mongo_client.hpp"

#include <chrono>
#include <thread>

#include <spdlog/spdlog.h>

namespace messaging::worker::mongo {
namespace {

const char kSchema[] =
#include "schema/mongodb.json.inc"
    ;

constexpr uint64_t kVersion = 5;
constexpr std::array<const char*, kNames> kCollectionNames = {
    "conversations", "messages", "memberships", "users",
    "notes",         "meta",     "revocations", "words"};

constexpr int32_t kConnectMilliseconds = 2000;
constexpr int32_t kSelectMilliseconds = 2000;
constexpr int32_t kSocketMilliseconds = 5000;
constexpr int32_t kAcknowledgeMilliseconds = 4000;

constexpr int kSchemaAttempts = 5;
constexpr uint32_t kNamespaceExists = 48;

void log(mongoc_log_level_t level, const char*, const char* message, void*) {
    if (level <= MONGOC_LOG_LEVEL_WARNING) {
        spdlog::warn("libmongoc: {}", message);
    }
}

// libmongoc wants to be initialised once in a process, and cleaned up once.
struct Library {
    Library() {
        mongoc_init();
        mongoc_log_set_handler(log, nullptr);
    }
    ~Library() { mongoc_cleanup(); }
};

void useLibrary() {
    static const Library library;
}

void setTimeout(mongoc_uri_t* uri, const char* option, int32_t milliseconds) {
    const int32_t given = mongoc_uri_get_option_as_int32(uri, option, 0);
    mongoc_uri_set_option_as_int32(uri, option, given > 0 ? given : milliseconds);
}

}  // namespace

Result<UniqueUri> parseUri(const std::string& text) {
    useLibrary();
    bson_error_t error;
    UniqueUri uri(mongoc_uri_new_with_error(text.c_str(), &error));
    if (!uri) {
        return {Code::InvalidField, std::string("mongodb: ") + error.message, "store"};
    }
    setTimeout(uri.get(), MONGOC_URI_CONNECTTIMEOUTMS, kConnectMilliseconds);
    setTimeout(uri.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS, kSelectMilliseconds);
    setTimeout(uri.get(), MONGOC_URI_SOCKETTIMEOUTMS, kSocketMilliseconds);
    if (mongoc_uri_get_appname(uri.get()) == nullptr) {
        mongoc_uri_set_appname(uri.get(), "messaging-worker");
    }
    const UniqueWriteConcern write(mongoc_write_concern_new());
    mongoc_write_concern_set_wmajority(write.get(), kAcknowledgeMilliseconds);
    mongoc_write_concern_set_journal(write.get(), true);
    mongoc_uri_set_write_concern(uri.get(), write.get());
    const UniqueReadConcern read(mongoc_read_concern_new());
    mongoc_read_concern_set_level(read.get(), MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    mongoc_uri_set_read_concern(uri.get(), read.get());
    const UniqueReadPrefs primary(mongoc_read_prefs_new(MONGOC_READ_PRIMARY));
    mongoc_uri_set_read_prefs_t(uri.get(), primary.get());
    return uri;
}

Status Client::ready() {
    if (client_ && !broken_) {
        return {};
    }
    for (auto& collection : collections_) {
        collection.reset();
    }
    database_.reset();
    bson_error_t error;
    client_.reset(mongoc_client_new_from_uri_with_error(uri_.get(), &error));
    if (!client_) {
        return failure(Code::StoreUnavailable, "connecting", error);
    }
    mongoc_client_set_error_api(client_.get(), MONGOC_ERROR_API_VERSION_2);
    const char* named = mongoc_uri_get_database(uri_.get());
    databaseName_ = named == nullptr ? "messaging" : named;
    database_.reset(mongoc_client_get_database(client_.get(), databaseName_.c_str()));
    for (size_t i = 0; i < kNames; ++i) {
        collections_[i].reset(
            mongoc_database_get_collection(database_.get(), kCollectionNames[i]));
    }
    broken_ = false;
    return {};
}

Status Client::failure(Code code, std::string_view what, const bson_error_t& error) {
    // Whatever the server itself said came over a connection that works, except that it
    // is no longer the primary; a new client finds that out too.
    broken_ = true;
    return {code, "mongodb: " + std::string(what) + ": " + error.message + " (" +
                      std::to_string(error.code) + ")"};
}

Status Client::ping() {
    Status status = ready();
    if (!status.ok()) {
        return status;
    }
    Document command;
    command.order("ping", 1);
    bson_error_t error;
    return mongoc_client_command_simple(client_.get(), databaseName_.c_str(),
                                        command.get(), nullptr, nullptr, &error)
               ? Status()
               : failure(Code::StoreUnavailable, "ping", error);
}

Status Client::run(const Document& command, uint32_t ignored, std::string_view what) {
    bson_error_t error;
    if (mongoc_database_write_command_with_opts(database_.get(), command.get(), nullptr,
                                                nullptr, &error) ||
        (ignored != 0 && error.code == ignored)) {
        return {};
    }
    return failure(Code::StoreUnavailable, what, error);
}

// --- Schema

Status Client::open() {
    Status status = ping();
    if (status.ok()) {
        status = checkVersion();
    }
    // Many workers may come to an empty database at once, and not every server lets
    // them all make the same indexes: some get "deadlock detected" and find them made a
    // moment later.
    for (int attempt = 1; status.ok(); ++attempt) {
        status = applySchema();
        if (status.ok()) {
            return writeVersion();
        }
        if (attempt < kSchemaAttempts && ping().ok()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50 * attempt));
            status = {};
        }
    }
    return status;
}

Status Client::checkVersion() {
    Document filter;
    filter.text("_id", "schema");
    const UniqueCursor cursor(mongoc_collection_find_with_opts(
        collection(Name::Meta), filter.get(), nullptr, nullptr));
    const bson_t* found = nullptr;
    if (mongoc_cursor_next(cursor.get(), &found)) {
        const uint64_t version = View(found).number("version");
        if (version > kVersion) {
            return {Code::UnsupportedVersion,
                    "store has schema version " + std::to_string(version) +
                        ", this worker knows " + std::to_string(kVersion)};
        }
    }
    bson_error_t error;
    return mongoc_cursor_error(cursor.get(), &error)
               ? failure(Code::StoreUnavailable, "reading the schema's version", error)
               : Status();
}

Status Client::applySchema() {
    bson_error_t error;
    const UniqueBson schema(bson_new_from_json(
        reinterpret_cast<const uint8_t*>(kSchema), sizeof(kSchema) - 1, &error));
    if (!schema) {
        return failure(Code::StoreUnavailable, "reading schema/mongodb.json", error);
    }
    Status status;
    View(schema.get()).eachDocument("collections", [&](const View& wanted) {
        bson_iter_t part;
        const std::string name = wanted.text("name");
        Document create;
        create.text("create", name);
        if (wanted.find("validator", &part)) {
            create.value("validator", part);
        }
        if (status.ok()) {
            status = run(create, kNamespaceExists, "creating " + name);
        }
        if (status.ok() && wanted.find("indexes", &part)) {
            Document indexes;
            indexes.text("createIndexes", name).value("indexes", part);
            status = run(indexes, 0, "creating the indexes of " + name);
        }
    });
    return status;
}

Status Client::writeVersion() {
    Document filter, version, update, options;
    filter.text("_id", "schema");
    update.document("$max", version.number("version", kVersion));
    options.flag("upsert", true);
    bson_error_t error;
    // Two that open an empty database at once: one of the upserts may meet the other's.
    constexpr uint32_t kDuplicateKey = 11000;
    if (mongoc_collection_update_one(collection(Name::Meta), filter.get(), update.get(),
                                     options.get(), nullptr, &error) ||
        error.code == kDuplicateKey) {
        return {};
    }
    return failure(Code::StoreUnavailable, "writing the schema's version", error);
}

}  // namespace messaging::worker::mongo
