DROP TRIGGER flow_bindings_drop_policy_bindings ON flow_bindings;
DROP TRIGGER flows_drop_policy_bindings ON flows;
DROP FUNCTION drop_policy_bindings();
DROP TABLE policy_bindings;
DROP TABLE policies;
