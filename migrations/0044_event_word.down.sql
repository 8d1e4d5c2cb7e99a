DROP TRIGGER event_purges_blocks ON event_purges;
DROP FUNCTION purge_event_blocks();
DROP TABLE event_strays, event_blocks;
