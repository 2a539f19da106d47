// libmongoc's handles, owned, and BSON built by type. Names of fields are always ours:
// what a user chose stands in values only, so that no "$" and no "." of theirs is ever
// a key. The only header that sees libmongoc's.
#pragma once

#include <mongoc/mongoc.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace messaging::worker::mongo {

template <typename T, void (*destroy)(T*)>
struct Destroy {
    void operator()(T* handle) const { destroy(handle); }
};
template <typename T, void (*destroy)(T*)>
using Handle = std::unique_ptr<T, Destroy<T, destroy>>;

// By its struct's name: bson_t's own carries an alignment, which no template argument
// keeps.
using UniqueBson = Handle<_bson_t, bson_destroy>;
using UniqueUri = Handle<mongoc_uri_t, mongoc_uri_destroy>;
using UniqueClient = Handle<mongoc_client_t, mongoc_client_destroy>;
using UniqueDatabase = Handle<mongoc_database_t, mongoc_database_destroy>;
using UniqueCollection = Handle<mongoc_collection_t, mongoc_collection_destroy>;
using UniqueCursor = Handle<mongoc_cursor_t, mongoc_cursor_destroy>;
using UniqueBulk = Handle<mongoc_bulk_operation_t, mongoc_bulk_operation_destroy>;
using UniqueWriteConcern = Handle<mongoc_write_concern_t, mongoc_write_concern_destroy>;
using UniqueReadConcern = Handle<mongoc_read_concern_t, mongoc_read_concern_destroy>;
using UniqueReadPrefs = Handle<mongoc_read_prefs_t, mongoc_read_prefs_destroy>;

class Array;

// A document in the making.
class Document {
public:
    Document() : bson_(bson_new()) {}

    Document& text(const char* key, std::string_view value);
    Document& number(const char* key,
                     uint64_t value);  // past 63 bits: the greatest there is
    Document& order(const char* key,
                    int direction);  // 1 or -1: of a sort, a projection
    Document& flag(const char* key, bool value);
    Document& oid(const char* key, const bson_oid_t& value);
    Document& document(const char* key, const Document& value);
    Document& array(const char* key, const Array& value);
    Document& value(const char* key, const bson_iter_t& value);
    Document& null(const char* key);

    const bson_t* get() const { return bson_.get(); }

private:
    UniqueBson bson_;
};

// An array in the making.
class Array {
public:
    Array() : bson_(bson_new()) {}

    Array& text(std::string_view value);
    Array& number(uint64_t value);
    Array& oid(const bson_oid_t& value);
    Array& document(const Document& value);

    const bson_t* get() const { return bson_.get(); }
    bool empty() const { return size_ == 0; }

private:
    std::string next() { return std::to_string(size_++); }

    uint32_t size_ = 0;
    UniqueBson bson_;
};

// Fields of a document that the server sent. What is absent or of another type is "" or
// 0.
class View {
public:
    explicit View(const bson_t* document) : document_(document) {}

    std::string text(const char* key) const;  // "a.b" reads b of a
    uint64_t number(const char* key) const;
    bool flag(const char* key) const;  // absent: false
    bool oid(const char* key, bson_oid_t* value) const;
    // Calls with an iterator on each element of an array.
    template <typename Visit>
    void each(const char* key, Visit visit) const {
        bson_iter_t item;
        if (descend(key, &item)) {
            while (bson_iter_next(&item)) {
                visit(item);
            }
        }
    }
    // The same for an array of documents.
    template <typename Visit>
    void eachDocument(const char* key, Visit visit) const {
        each(key, [&visit](const bson_iter_t& item) {
            bson_t document;
            if (embedded(item, &document)) {
                visit(View(&document));
            }
        });
    }
    bool find(const char* key, bson_iter_t* field) const;

private:
    bool descend(const char* key, bson_iter_t* item) const;
    static bool embedded(const bson_iter_t& item, bson_t* document);

    const bson_t* document_;
};

std::string textOf(const bson_iter_t& field);

}  // namespace messaging::worker::mongo
