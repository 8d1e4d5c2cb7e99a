DROP TRIGGER applications_consents ON applications;
DROP FUNCTION application_consents_end();
DROP INDEX consents_application_idx;
DROP TRIGGER applications_hosts ON applications;
DROP FUNCTION application_hosts_follow();
DROP TABLE application_hosts;
