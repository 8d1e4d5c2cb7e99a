DROP TABLE event_seals;
DROP FUNCTION refuse_seal_change();
