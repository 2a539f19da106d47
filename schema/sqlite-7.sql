-- The SQLite store, version 7: aliases. A conversation that came from another system keeps its
-- id; at the id that is derived from its members stands a row that only names it.

-- A number of `names`: the conversation that is meant, its own where another row names it.
ALTER TABLE conversations ADD COLUMN forward INTEGER NOT NULL DEFAULT 0;
