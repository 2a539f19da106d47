// BSON by type: thin, so that no caller counts bytes or keys.
#include "worker/store_mongo_bson.hpp"

namespace messaging::worker::mongo {
namespace {

int64_t bounded(uint64_t value) {
    constexpr auto kMost = static_cast<uint64_t>(INT64_MAX);
    return static_cast<int64_t>(value < kMost ? value : kMost);
}

}  // namespace

Document& Document::text(const char* key, std::string_view value) {
    bson_append_utf8(bson_.get(), key, -1, value.data(),
                     static_cast<int>(value.size()));
    return *this;
}

Document& Document::number(const char* key, uint64_t value) {
    bson_append_int64(bson_.get(), key, -1, bounded(value));
    return *this;
}

Document& Document::order(const char* key, int direction) {
    bson_append_int32(bson_.get(), key, -1, direction);
    return *this;
}

Document& Document::flag(const char* key, bool value) {
    bson_append_bool(bson_.get(), key, -1, value);
    return *this;
}

Document& Document::oid(const char* key, const bson_oid_t& value) {
    bson_append_oid(bson_.get(), key, -1, &value);
    return *this;
}

Document& Document::document(const char* key, const Document& value) {
    bson_append_document(bson_.get(), key, -1, value.get());
    return *this;
}

Document& Document::array(const char* key, const Array& value) {
    bson_append_array(bson_.get(), key, -1, value.get());
    return *this;
}

Document& Document::value(const char* key, const bson_iter_t& value) {
    bson_append_iter(bson_.get(), key, -1, &value);
    return *this;
}

Document& Document::null(const char* key) {
    bson_append_null(bson_.get(), key, -1);
    return *this;
}

Array& Array::text(std::string_view value) {
    bson_append_utf8(bson_.get(), next().c_str(), -1, value.data(),
                     static_cast<int>(value.size()));
    return *this;
}

Array& Array::number(uint64_t value) {
    bson_append_int64(bson_.get(), next().c_str(), -1, bounded(value));
    return *this;
}

Array& Array::oid(const bson_oid_t& value) {
    bson_append_oid(bson_.get(), next().c_str(), -1, &value);
    return *this;
}

Array& Array::document(const Document& value) {
    bson_append_document(bson_.get(), next().c_str(), -1, value.get());
    return *this;
}

std::string textOf(const bson_iter_t& field) {
    if (!BSON_ITER_HOLDS_UTF8(&field)) {
        return {};
    }
    uint32_t size = 0;
    const char* bytes = bson_iter_utf8(&field, &size);
    return std::string(bytes, size);
}

bool View::find(const char* key, bson_iter_t* field) const {
    bson_iter_t top;
    return bson_iter_init(&top, document_) &&
           bson_iter_find_descendant(&top, key, field);
}

std::string View::text(const char* key) const {
    bson_iter_t field;
    return find(key, &field) ? textOf(field) : std::string();
}

uint64_t View::number(const char* key) const {
    bson_iter_t field;
    const int64_t value = find(key, &field) ? bson_iter_as_int64(&field) : 0;
    return value < 0 ? 0 : static_cast<uint64_t>(value);
}

bool View::flag(const char* key) const {
    bson_iter_t field;
    return find(key, &field) && BSON_ITER_HOLDS_BOOL(&field) && bson_iter_bool(&field);
}

bool View::oid(const char* key, bson_oid_t* value) const {
    bson_iter_t field;
    const bool found = find(key, &field) && BSON_ITER_HOLDS_OID(&field);
    if (found) {
        bson_oid_copy(bson_iter_oid(&field), value);
    }
    return found;
}

bool View::descend(const char* key, bson_iter_t* item) const {
    bson_iter_t field;
    return find(key, &field) && BSON_ITER_HOLDS_ARRAY(&field) &&
           bson_iter_recurse(&field, item);
}

bool View::embedded(const bson_iter_t& item, bson_t* document) {
    if (!BSON_ITER_HOLDS_DOCUMENT(&item)) {
        return false;
    }
    uint32_t size = 0;
    const uint8_t* bytes = nullptr;
    bson_iter_document(&item, &size, &bytes);
    return bson_init_static(document, bytes, size);
}

}  // namespace messaging::worker::mongo
