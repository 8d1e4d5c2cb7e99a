DROP TRIGGER applications_hosts ON applications;
DROP FUNCTION application_hosts_follow();
DROP TABLE application_hosts;
