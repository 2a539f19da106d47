-- The SQLite store, version 2: all tables anew, each opaque id kept once.
--
-- What is touched by a message decides how many messages a second the disk takes: a commit
-- writes whole pages. So ids are numbers here, messages are appended in the order of their
-- commits, and a member's list and unread count share one index.

ALTER TABLE conversations RENAME TO conversations_1;
ALTER TABLE conversation_members RENAME TO conversation_members_1;
ALTER TABLE messages RENAME TO messages_1;
ALTER TABLE memberships RENAME TO memberships_1;
ALTER TABLE users RENAME TO users_1;
DROP INDEX messages_key;
DROP INDEX messages_member;
DROP INDEX memberships_list;
DROP INDEX memberships_unread;

-- Ids of conversations, users and teams; all other tables name them by this number. Never
-- changed, never removed. 0 stands for none.
CREATE TABLE names (
    id   INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (site, name)
) STRICT;

CREATE TABLE conversations (
    id           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    context_type TEXT NOT NULL,
    context_id   TEXT NOT NULL,
    starter      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

-- Fixed when the conversation is opened.
CREATE TABLE conversation_members (
    conversation INTEGER NOT NULL,
    member       INTEGER NOT NULL,
    PRIMARY KEY (conversation, member)
) STRICT, WITHOUT ROWID;

-- The message is the commit: the two unique keys are what no writer gets past.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    seq          INTEGER NOT NULL CHECK (seq > 0),
    sender       INTEGER NOT NULL,
    sender_role  TEXT NOT NULL,
    member       INTEGER NOT NULL,
    ordinal      INTEGER NOT NULL CHECK (ordinal > 0),
    crowd        INTEGER NOT NULL,
    key          TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    content      TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX messages_seq ON messages (conversation, seq);
CREATE UNIQUE INDEX messages_key ON messages (conversation, sender, key);
-- A member's ordinal up to some seq. Of two members, what the one did not send the other did:
-- then no index is needed, and `crowd` is 0.
CREATE INDEX messages_member ON messages (conversation, member, seq, ordinal) WHERE crowd;

-- The four numbers never go down. `unread` follows from them, whoever writes them; it is
-- never counted.
CREATE TABLE memberships (
    conversation    INTEGER NOT NULL,
    member          INTEGER NOT NULL,
    last_seq        INTEGER NOT NULL,
    sent            INTEGER NOT NULL,
    read_seq        INTEGER NOT NULL,
    read_sent       INTEGER NOT NULL,
    activity        INTEGER NOT NULL,
    preview_seq     INTEGER NOT NULL,
    preview_sender  INTEGER NOT NULL,
    preview_content TEXT NOT NULL,
    preview_at      INTEGER NOT NULL,
    unread          INTEGER NOT NULL
        GENERATED ALWAYS AS (max(0, last_seq - sent - (read_seq - read_sent))) VIRTUAL,
    PRIMARY KEY (conversation, member)
) STRICT, WITHOUT ROWID;

-- A list is the two halves of a member's range, merged by activity; the badge is the sum of
-- the half that has something unread.
CREATE INDEX memberships_list
    ON memberships (member, (unread > 0), activity DESC, conversation DESC, unread);

CREATE TABLE users (
    id   INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;

-- What a worker's last batch touched, as numbers of conversations: whether that batch was
-- published is known only to that worker.
CREATE TABLE notes (
    owner         TEXT PRIMARY KEY,
    conversations TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- --- From version 1

INSERT OR IGNORE INTO names (site, name)
          SELECT site, id FROM conversations_1
UNION ALL SELECT site, starter FROM conversations_1
UNION ALL SELECT site, member FROM conversation_members_1
UNION ALL SELECT site, conversation FROM messages_1
UNION ALL SELECT site, sender FROM messages_1
UNION ALL SELECT site, member FROM messages_1
UNION ALL SELECT site, conversation FROM memberships_1
UNION ALL SELECT site, member FROM memberships_1
UNION ALL SELECT site, preview_sender FROM memberships_1 WHERE preview_sender <> ''
UNION ALL SELECT site, id FROM users_1;

INSERT INTO conversations
SELECT (SELECT id FROM names WHERE site = old.site AND name = old.id), kind, subject,
       context_type, context_id,
       (SELECT id FROM names WHERE site = old.site AND name = old.starter), created_at
FROM conversations_1 AS old;

INSERT INTO conversation_members
SELECT (SELECT id FROM names WHERE site = old.site AND name = old.conversation),
       (SELECT id FROM names WHERE site = old.site AND name = old.member)
FROM conversation_members_1 AS old;

INSERT INTO messages
SELECT NULL, conversation.id, seq,
       (SELECT id FROM names WHERE site = old.site AND name = old.sender), sender_role,
       (SELECT id FROM names WHERE site = old.site AND name = old.member), ordinal,
       (SELECT count(*) <> 2 FROM conversation_members
        WHERE conversation_members.conversation = conversation.id),
       key, fingerprint, content, created_at
FROM messages_1 AS old
     JOIN names AS conversation
     ON conversation.site = old.site AND conversation.name = old.conversation
ORDER BY created_at, old.site, old.conversation, seq;

INSERT INTO memberships (conversation, member, last_seq, sent, read_seq, read_sent, activity,
                         preview_seq, preview_sender, preview_content, preview_at)
SELECT (SELECT id FROM names WHERE site = old.site AND name = old.conversation),
       (SELECT id FROM names WHERE site = old.site AND name = old.member), last_seq, sent,
       read_seq, read_sent, activity, preview_seq,
       ifnull((SELECT id FROM names WHERE site = old.site AND name = old.preview_sender), 0),
       preview_content, preview_at
FROM memberships_1 AS old;

INSERT INTO users
SELECT (SELECT id FROM names WHERE site = old.site AND name = old.id), role, name
FROM users_1 AS old;

DROP TABLE conversations_1;
DROP TABLE conversation_members_1;
DROP TABLE messages_1;
DROP TABLE memberships_1;
DROP TABLE users_1;
