-- Whether the session's cookie goes when the browser closes. The row cannot know
-- of that; expires_at is the latest it lasts.
ALTER TABLE sessions ADD COLUMN until_closed boolean NOT NULL DEFAULT false;
