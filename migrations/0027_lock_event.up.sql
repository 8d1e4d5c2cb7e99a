-- The history of one lock is shown on its page, however many locks were made.
CREATE INDEX events_lock_idx ON events ((context ->> 'name'), created_at, id)
    WHERE context ->> 'action_id' IN ('lock.created', 'lock.updated', 'lock.deleted');
