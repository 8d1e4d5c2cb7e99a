DROP TABLE session_elevations;
DROP TABLE access_requests;
DROP FUNCTION elevation_changed();
DROP FUNCTION access_request_changed();
DROP FUNCTION group_ancestors(uuid);
