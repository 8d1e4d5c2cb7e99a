DROP TRIGGER policy_bindings_rebound ON policy_bindings;
DROP FUNCTION notification_rule_rebound();
CREATE TABLE notification_progress (
    single boolean CONSTRAINT notification_progress_pkey PRIMARY KEY DEFAULT true,
    seq    bigint NOT NULL
);
INSERT INTO notification_progress (seq) SELECT coalesce(max(seq), 0) FROM event_seals s
 WHERE s.seq < (SELECT min(o.seq) FROM notification_jobs j JOIN event_seals o ON o.event_id = j.event_id) IS NOT FALSE;
DROP TRIGGER events_notifications ON events;
DROP FUNCTION queue_notifications();
DROP VIEW notified_events;
DROP TABLE notification_jobs;
