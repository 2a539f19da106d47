-- The SQLite store, version 3: what a message carries besides its text. "" stands for absent,
-- as everywhere; an empty column costs a row one byte.

ALTER TABLE messages ADD COLUMN context_type TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN context_id TEXT NOT NULL DEFAULT '';
-- "" is plain text.
ALTER TABLE messages ADD COLUMN type TEXT NOT NULL DEFAULT '';
-- An object as canonical JSON.
ALTER TABLE messages ADD COLUMN data TEXT NOT NULL DEFAULT '';
