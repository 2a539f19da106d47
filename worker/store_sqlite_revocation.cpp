// Revocations in SQLite: a transaction of their own each, never part of a batch.
#include "worker/store_sqlite_impl.hpp"

namespace messaging::worker::sqlite {

Status SqliteStore::revoke(const Revocation& revocation) {
    Status status = begin({});
    if (!status.ok()) {
        return status;
    }
    {
        Query put(database_,
                  "INSERT INTO revocations (site, user, session, at, until)"
                  " VALUES (?, ?, ?, ?, ?) ON CONFLICT (site, user, session) DO UPDATE"
                  " SET at = max(at, excluded.at), until = max(until, excluded.until)");
        put.bind(revocation.site).bind(revocation.user).bind(revocation.session);
        put.bind(revocation.at).bind(revocation.until);
        status = put.run() ? Status() : put.failure("storing a revocation");
    }
    if (status.ok()) {
        return commit();
    }
    return abandon().ok() ? status : Status(Code::Internal, status.detail());
}

Result<std::vector<Revocation>> SqliteStore::revocations(uint64_t now) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    std::vector<Revocation> found;
    Query query(database_,
                "SELECT site, user, session, at, until FROM revocations"
                " WHERE until > ?");
    query.bind(now);
    while (query.row()) {
        Revocation& one = found.emplace_back();
        one.site = query.text();
        one.user = query.text();
        one.session = query.text();
        one.at = query.number();
        one.until = query.number();
    }
    if (!query.ok()) {
        return query.failure("reading revocations");
    }
    return found;
}

Status SqliteStore::forgetRevocations(uint64_t now) {
    Status status = begin({});
    if (!status.ok()) {
        return status;
    }
    {
        Query forget(database_, "DELETE FROM revocations WHERE until <= ?");
        forget.bind(now);
        status = forget.run() ? Status() : forget.failure("forgetting revocations");
    }
    if (status.ok()) {
        return commit();
    }
    return abandon().ok() ? status : Status(Code::Internal, status.detail());
}

}  // namespace messaging::worker::sqlite
