-- Which application each forward host is of, so that the database itself keeps two
-- applications from having one. It follows applications.forward_hosts.
CREATE TABLE application_hosts (
    host           text CONSTRAINT application_hosts_pkey PRIMARY KEY, -- lower case, with its port where that is not the usual one
    application_id uuid NOT NULL CONSTRAINT application_hosts_application_fkey REFERENCES applications (id) ON DELETE CASCADE
);
CREATE INDEX application_hosts_application_idx ON application_hosts (application_id);

CREATE FUNCTION application_hosts_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM application_hosts WHERE application_id = NEW.id AND NOT host = ANY (NEW.forward_hosts);
    END IF;
    INSERT INTO application_hosts (host, application_id)
        SELECT DISTINCT h, NEW.id FROM unnest(NEW.forward_hosts) AS h
         WHERE NOT EXISTS (SELECT FROM application_hosts o WHERE o.host = h AND o.application_id = NEW.id);
    RETURN NULL;
END
$$;
INSERT INTO application_hosts (host, application_id) SELECT DISTINCT ON (h) h, id FROM applications, unnest(forward_hosts) AS h ORDER BY h, created_at;
CREATE TRIGGER applications_hosts AFTER INSERT OR UPDATE OF forward_hosts ON applications
    FOR EACH ROW EXECUTE FUNCTION application_hosts_follow();

-- What people agreed to ends with the application.
CREATE INDEX consents_application_idx ON consents (application);
CREATE FUNCTION application_consents_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM consents WHERE application = OLD.id::text;
    RETURN NULL;
END
$$;
CREATE TRIGGER applications_consents AFTER DELETE ON applications FOR EACH ROW EXECUTE FUNCTION application_consents_end();
