-- The SQLite store, version 5: sign-ins that a site took back (schema/revocation.hpp).

CREATE TABLE revocations (
    site    TEXT    NOT NULL,
    user    TEXT    NOT NULL,
    session TEXT    NOT NULL,  -- '' stands for all of the user's
    at      INTEGER NOT NULL,  -- Unix seconds, as the next
    until   INTEGER NOT NULL,
    PRIMARY KEY (site, user, session)
) WITHOUT ROWID;
