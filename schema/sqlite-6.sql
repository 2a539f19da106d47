-- The SQLite store, version 6: an index of words, for searches. Messages come into it after
-- they were committed, those of an older database too; no write waits for it.

-- What stands in it is words without case and accents, as the worker makes them, and "_" with
-- the number of each member, so that a search looks at its caller's messages only. Its rows
-- are a message's time in milliseconds, times 2^20, and the low 20 bits of its id: where that
-- is taken, the next that is free.
CREATE VIRTUAL TABLE search USING fts5(
    words, content = '', columnsize = 0, detail = none, prefix = '3',
    tokenize = "ascii tokenchars '_'"
);

CREATE TABLE searched (
    place   INTEGER PRIMARY KEY,
    message INTEGER NOT NULL
) STRICT;

-- One row: all messages up to this id are in the index.
CREATE TABLE search_state (
    id    INTEGER PRIMARY KEY CHECK (id = 0),
    up_to INTEGER NOT NULL
) STRICT;

INSERT INTO search_state VALUES (0, 0);
