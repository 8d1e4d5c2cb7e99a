DROP TABLE notification_progress, deliveries, notifications;
DROP SEQUENCE delivery_positions;
DROP FUNCTION notification_changed();
DELETE FROM policy_bindings WHERE target IN (SELECT id FROM notification_rules);
DROP TABLE notification_rules, transports, webhook_mappings;
DROP FUNCTION transport_forgotten();
