// Places of the stores' tests. Check runs each test in a process of its own, so both
// libraries are used in that process only.
#include "t/unit/store_places.hpp"

#include <mongoc/mongoc.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <check.h>  // last: it defines a macro named fail

namespace messaging::unit {
namespace {

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
        mongoc_init();
        bson_oid_t unique;
        bson_oid_init(&unique, nullptr);
        char name[25];
        bson_oid_to_string(&unique, name);
        database_ = std::string("messaging_test_") + name;
        uri_ = withDatabase(mongoServer(), database_);
        mongoc_uri_t* uri = mongoc_uri_new(uri_.c_str());
        ck_assert_msg(uri != nullptr, "MESSAGING_TEST_MONGODB is no MongoDB URI");
        client_ = mongoc_client_new_from_uri(uri);
        mongoc_uri_destroy(uri);
    }

    ~MongoPlace() override {
        mongoc_database_t* database =
            mongoc_client_get_database(client_, database_.c_str());
        mongoc_database_drop(database, nullptr);
        mongoc_database_destroy(database);
        mongoc_client_destroy(client_);
    }

    std::string uri() const override { return uri_; }
    bool transactional() const override { return false; }

    void setVersion(unsigned version) override {
        mongoc_collection_t* meta =
            mongoc_client_get_collection(client_, database_.c_str(), "meta");
        bson_t* filter = BCON_NEW("_id", BCON_UTF8("schema"));
        bson_t* update = BCON_NEW("$set", "{", "version",
                                  BCON_INT64(static_cast<int64_t>(version)), "}");
        ck_assert(mongoc_collection_update_one(meta, filter, update, nullptr, nullptr,
                                               nullptr));
        bson_destroy(update);
        bson_destroy(filter);
        mongoc_collection_destroy(meta);
    }

private:
    std::string database_;
    std::string uri_;
    mongoc_client_t* client_ = nullptr;
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
    sqlite3* database = nullptr;
    ck_assert_int_eq(sqlite3_open(path().c_str(), &database), SQLITE_OK);
    const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
    ck_assert_msg(code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(database));
    sqlite3_close(database);
}

void SqlitePlace::setVersion(unsigned version) {
    execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
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
