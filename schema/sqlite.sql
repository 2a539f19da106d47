-- The SQLite store, version 1, where every database began. How it looks now is said in
-- sqlite-2.sql. Each version is a file of its own, a step from the one before, and never
-- changed again; the worker embeds them all, runs those that a database has not seen yet in
-- one transaction, and writes the version into PRAGMA user_version. PRAGMA application_id
-- tells our file from others.
--
-- Times are Unix milliseconds. "" stands for absent. Everything is found by its key, so no
-- table has a rowid: a conversation's messages lie together on disk, in their order.

CREATE TABLE conversations (
    site         TEXT NOT NULL,
    id           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    context_type TEXT NOT NULL,
    context_id   TEXT NOT NULL,
    starter      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (site, id)
) STRICT, WITHOUT ROWID;

-- Fixed when the conversation is opened.
CREATE TABLE conversation_members (
    site         TEXT NOT NULL,
    conversation TEXT NOT NULL,
    member       TEXT NOT NULL,
    PRIMARY KEY (site, conversation, member)
) STRICT, WITHOUT ROWID;

-- The message is the commit: the two unique keys are what no writer gets past.
CREATE TABLE messages (
    site         TEXT NOT NULL,
    conversation TEXT NOT NULL,
    seq          INTEGER NOT NULL CHECK (seq > 0),
    sender       TEXT NOT NULL,
    sender_role  TEXT NOT NULL,
    member       TEXT NOT NULL,
    ordinal      INTEGER NOT NULL CHECK (ordinal > 0),
    key          TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    content      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (site, conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_key ON messages (site, conversation, sender, key);
-- A member's ordinal up to some seq, from the index alone.
CREATE INDEX messages_member ON messages (site, conversation, member, seq, ordinal);

-- The four numbers never go down. `unread` follows from them in the same statement, whoever
-- writes it; it is never counted.
CREATE TABLE memberships (
    site            TEXT NOT NULL,
    conversation    TEXT NOT NULL,
    member          TEXT NOT NULL,
    last_seq        INTEGER NOT NULL,
    sent            INTEGER NOT NULL,
    read_seq        INTEGER NOT NULL,
    read_sent       INTEGER NOT NULL,
    activity        INTEGER NOT NULL,
    preview_seq     INTEGER NOT NULL,
    preview_sender  TEXT NOT NULL,
    preview_content TEXT NOT NULL,
    preview_at      INTEGER NOT NULL,
    unread          INTEGER NOT NULL
        GENERATED ALWAYS AS (max(0, last_seq - sent - (read_seq - read_sent))) STORED,
    PRIMARY KEY (site, conversation, member)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_list
    ON memberships (site, member, activity DESC, conversation DESC);
CREATE INDEX memberships_unread
    ON memberships (site, member, conversation, unread) WHERE unread > 0;

CREATE TABLE users (
    site TEXT NOT NULL,
    id   TEXT NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (site, id)
) STRICT, WITHOUT ROWID;
