// Revocations in MongoDB: a document each, whose times only rise.
#include "worker/store_mongo_impl.hpp"

namespace messaging::worker::mongo {

Status MongoStore::revoke(const Revocation& revocation) {
    constexpr uint32_t kDuplicateKey = 11000;
    Document filter, times, update, options;
    filter.text("site", revocation.site);
    filter.text("user", revocation.user).text("session", revocation.session);
    times.number("at", revocation.at).number("until", revocation.until);
    update.document("$max", times);
    options.flag("upsert", true);
    // Of two that make it at once one meets the other's, and finds it then.
    for (int attempt = 1;; ++attempt) {
        Status status = client_.ready();
        bson_error_t error;
        if (!status.ok() || mongoc_collection_update_one(
                                client_.collection(Name::Revocations), filter.get(),
                                update.get(), options.get(), nullptr, &error)) {
            return status;
        }
        status = client_.failure(Code::Internal, "storing a revocation", error);
        if (error.code != kDuplicateKey || attempt == 3) {
            return status;
        }
    }
}

Result<std::vector<Revocation>> MongoStore::revocations(uint64_t now) {
    Status status = client_.ready();
    if (!status.ok()) {
        return status;
    }
    Document later, filter;
    later.number("$gt", now);
    filter.document("until", later);
    const UniqueCursor cursor(mongoc_collection_find_with_opts(
        client_.collection(Name::Revocations), filter.get(), nullptr, nullptr));
    std::vector<Revocation> found;
    const bson_t* document = nullptr;
    while (mongoc_cursor_next(cursor.get(), &document)) {
        const View view(document);
        found.push_back({view.text("site"), view.text("user"), view.text("session"),
                         view.number("at"), view.number("until")});
    }
    bson_error_t error;
    if (mongoc_cursor_error(cursor.get(), &error)) {
        return client_.failure(Code::StoreUnavailable, "reading revocations", error);
    }
    return found;
}

Status MongoStore::forgetRevocations(uint64_t now) {
    Status status = client_.ready();
    if (!status.ok()) {
        return status;
    }
    Document over, filter;
    over.number("$lte", now);
    filter.document("until", over);
    bson_error_t error;
    if (!mongoc_collection_delete_many(client_.collection(Name::Revocations),
                                       filter.get(), nullptr, nullptr, &error)) {
        return client_.failure(Code::Internal, "forgetting revocations", error);
    }
    return {};
}

}  // namespace messaging::worker::mongo
