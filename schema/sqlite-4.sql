-- The SQLite store, version 4: what changes of a conversation, and lists by it.

ALTER TABLE conversations ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN closed_seq INTEGER NOT NULL DEFAULT 0;
-- Each change of subject, closed and archived raises it.
ALTER TABLE conversations ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;
-- Marks of the last changes, parted by spaces.
ALTER TABLE conversations ADD COLUMN changes TEXT NOT NULL DEFAULT '';

ALTER TABLE conversation_members ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

-- As the conversation had it at `rev`: a list is filtered by its index alone.
ALTER TABLE memberships ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;
ALTER TABLE memberships ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE memberships ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

DROP INDEX memberships_list;
-- A list is the two halves of a member's range, merged by activity, or one of them; the badge
-- is the sum of the half that has something unread.
CREATE INDEX memberships_list
    ON memberships (member, (unread > 0), activity DESC, conversation DESC, unread, closed,
                    archived);
