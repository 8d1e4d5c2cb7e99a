-- What rules may have to say of an event is a job, written with the event by whoever
-- writes that. It is done when the event was compared with the rules, in the order of
-- the audit log's chain.
CREATE TABLE notification_jobs (
    event_id   uuid CONSTRAINT notification_jobs_pkey PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which events the rules ask about; NULL = any. What is in a policy beyond that is
-- looked at when the job is done.
CREATE VIEW notified_events AS
SELECT CASE WHEN matches THEN CASE asked WHEN 'account_lockdown_triggered' THEN 'user_write' ELSE nullif(asked, '') END END AS action,
       CASE WHEN matches AND asked = 'account_lockdown_triggered' THEN 'account_lockdown' END AS action_id
  FROM (SELECT p.settings ->> 'action' AS asked, p.kind = 'event_matcher' AND NOT b.negate AND NOT b.failure_result AS matches
          FROM notification_rules r JOIN policy_bindings b ON b.target = r.id AND b.enabled LEFT JOIN policies p ON p.id = b.policy_id
         WHERE r.enabled AND r.transports <> '{}') bound;

-- No job is of what notifications lead to, which would never end, nor of what is
-- imported, which is history.
CREATE FUNCTION queue_notifications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notification_jobs (event_id)
    SELECT w.id FROM written w
     WHERE EXISTS (SELECT FROM notified_events n WHERE (n.action IS NULL OR n.action = w.action)
                      AND (n.action_id IS NULL OR n.action_id = w.context ->> 'action_id'))
       AND w.app <> 'portcullis.notify' AND NOT starts_with(w.app, 'portcullis.notify.')
       AND w.created_at > clock_timestamp() - interval '1 minute';
    RETURN NULL;
END
$$;
CREATE TRIGGER events_notifications AFTER INSERT ON events REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION queue_notifications();

-- What was not looked at so far.
INSERT INTO notification_jobs (event_id) SELECT s.event_id FROM event_seals s, notification_progress p WHERE s.seq > p.seq AND s.origin = 'commit';
INSERT INTO notification_jobs (event_id) SELECT e.id FROM events e
 WHERE e.created_at > clock_timestamp() - interval '1 day' AND NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = e.id)
    ON CONFLICT DO NOTHING;
DROP TABLE notification_progress;

-- What was at fault the last time is nothing that is known of what is bound now.
CREATE FUNCTION notification_rule_rebound() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notification_rules SET fault = '' WHERE id IN (OLD.target, NEW.target) AND fault <> '';
    RETURN NULL;
END
$$;
CREATE TRIGGER policy_bindings_rebound AFTER INSERT OR UPDATE OR DELETE ON policy_bindings
    FOR EACH ROW EXECUTE FUNCTION notification_rule_rebound();
