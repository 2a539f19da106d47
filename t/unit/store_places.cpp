// Places of the stores' tests. Check runs each test in a process of its own, so both
// libraries are used in that process only.
#include "t/unit/store_places.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "worker/store_mongo_client.hpp"
#include "worker/store_sqlite_db.hpp"

#include <check.h>  // last: it defines a macro named fail

namespace messaging::unit {
namespace {

namespace mongo = worker::mongo;

// "mongodb://HOSTS[/[DATABASE][?OPTIONS]]" with this database.
std::string withDatabase(const std::string& uri, const std::string& database) {
    const size_t hosts = uri.find("://") + 3;
    const size_t options = std::min(uri.find('?', hosts), uri.size());
    const size_t slash = std::min(uri.find('/', hosts), options);
    return uri.substr(0, slash) + "/" + database + uri.substr(options);
}

class MongoPlace : public Place {
public:
    MongoPlace() {
        bson_oid_t unique;
        bson_oid_init(&unique, nullptr);
        char name[25];
        bson_oid_to_string(&unique, name);
        database_ = std::string("messaging_test_") + name;
        uri_ = withDatabase(mongoServer(), database_);
        const auto parsed = mongo::parseUri(uri_);
        ck_assert_msg(parsed.ok(), "MESSAGING_TEST_MONGODB is no MongoDB URI");
        client_.reset(mongoc_client_new_from_uri(parsed.value().get()));
    }

    ~MongoPlace() override {
        const mongo::UniqueDatabase database(
            mongoc_client_get_database(client_.get(), database_.c_str()));
        mongoc_database_drop(database.get(), nullptr);
    }

    std::string uri() const override { return uri_; }
    bool transactional() const override { return false; }

    unsigned version() const override { return 5; }

    unsigned storedVersion() const override {
        const mongo::UniqueCollection meta(
            mongoc_client_get_collection(client_.get(), database_.c_str(), "meta"));
        mongo::Document filter;
        filter.text("_id", "schema");
        const mongo::UniqueCursor cursor(mongoc_collection_find_with_opts(
            meta.get(), filter.get(), nullptr, nullptr));
        const bson_t* found = nullptr;
        ck_assert(mongoc_cursor_next(cursor.get(), &found));
        return static_cast<unsigned>(mongo::View(found).number("version"));
    }

    void setVersion(unsigned version) override {
        const mongo::UniqueCollection meta(
            mongoc_client_get_collection(client_.get(), database_.c_str(), "meta"));
        mongo::Document filter, value, update;
        filter.text("_id", "schema");
        update.document("$set", value.number("version", version));
        ck_assert(mongoc_collection_update_one(meta.get(), filter.get(), update.get(),
                                               nullptr, nullptr, nullptr));
    }

    void withoutIndex() override {
        const mongo::UniqueCollection messages(
            mongoc_client_get_collection(client_.get(), database_.c_str(), "messages"));
        mongo::Document all, fields, update, state;
        update.document("$unset", fields.flag("fresh", true));
        ck_assert(mongoc_collection_update_many(messages.get(), all.get(), update.get(),
                                                nullptr, nullptr, nullptr));
        const mongo::UniqueCollection meta(
            mongoc_client_get_collection(client_.get(), database_.c_str(), "meta"));
        state.text("_id", "words");
        mongoc_collection_delete_one(meta.get(), state.get(), nullptr, nullptr,
                                     nullptr);
        const mongo::UniqueCollection words(
            mongoc_client_get_collection(client_.get(), database_.c_str(), "words"));
        mongoc_collection_drop(words.get(), nullptr);
        setVersion(4);
    }

private:
    std::string database_;
    std::string uri_;
    mongo::UniqueClient client_;
};

}  // namespace

std::unique_ptr<worker::Store> Place::store() const {
    auto made = worker::makeStore(uri());
    ck_assert_msg(made.ok(), "%s", made.status().detail().c_str());
    const Status opened = made.value()->open();
    ck_assert_msg(opened.ok(), "%s", opened.detail().c_str());
    return std::move(made.value());
}

SqlitePlace::SqlitePlace() {
    const char* temporary = std::getenv("TMPDIR");
    directory_ =
        std::string(temporary == nullptr ? "/tmp" : temporary) + "/store-XXXXXX";
    ck_assert(mkdtemp(directory_.data()) != nullptr);
}

SqlitePlace::~SqlitePlace() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void SqlitePlace::execute(const char* sql) {
    sqlite3* opened = nullptr;
    ck_assert_int_eq(sqlite3_open(path().c_str(), &opened), SQLITE_OK);
    const worker::sqlite::Connection database(opened);
    const int code = sqlite3_exec(opened, sql, nullptr, nullptr, nullptr);
    ck_assert_msg(code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(opened));
}

unsigned SqlitePlace::storedVersion() const {
    sqlite3* opened = nullptr;
    ck_assert_int_eq(sqlite3_open(path().c_str(), &opened), SQLITE_OK);
    const worker::sqlite::Connection database(opened);
    sqlite3_stmt* raw = nullptr;
    sqlite3_prepare_v2(opened, "PRAGMA user_version", -1, &raw, nullptr);
    const worker::sqlite::Statement version(raw);
    ck_assert_int_eq(sqlite3_step(raw), SQLITE_ROW);
    return static_cast<unsigned>(sqlite3_column_int(raw, 0));
}

unsigned SqlitePlace::version() const {
    return static_cast<unsigned>(worker::sqlite::knownVersion());
}

void SqlitePlace::setVersion(unsigned version) {
    execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

void SqlitePlace::withoutIndex() {
    execute(
        "DROP TABLE search; DROP TABLE searched; DROP TABLE search_state;"
        " PRAGMA user_version = 5");
}

const char* mongoServer() {
    return std::getenv("MESSAGING_TEST_MONGODB");
}

int kindsOfPlaces() {
    return mongoServer() == nullptr ? 1 : 2;
}

std::unique_ptr<Place> makePlace(int kind) {
    if (kind == 0) {
        return std::make_unique<SqlitePlace>();
    }
    return std::make_unique<MongoPlace>();
}

}  // namespace messaging::unit
