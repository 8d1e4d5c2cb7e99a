DELETE FROM policy_bindings WHERE target IN (SELECT id FROM applications);
DROP TABLE applications, oauth_providers, scope_mappings;
DROP FUNCTION scope_mapping_forgotten();
