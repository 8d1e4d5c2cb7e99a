DROP INDEX events_lock_idx;
