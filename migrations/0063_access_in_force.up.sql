-- What a request for access needs to go on: its group, and the account as it was when it
-- was asked.
CREATE FUNCTION access_alive(the_group uuid, generation bigint, is_active boolean, session_generation bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN the_group IS NOT NULL AND is_active AND generation = session_generation;

-- The one definition of a granted request that counts.
CREATE FUNCTION access_in_force(state text, expires_at timestamptz, the_group uuid, generation bigint, is_active boolean, session_generation bigint) RETURNS boolean
    LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN state = 'granted' AND expires_at > clock_timestamp() AND access_alive(the_group, generation, is_active, session_generation);

-- The groups that a session has for a while, as in 0062, by that definition.
CREATE OR REPLACE FUNCTION elevations_of(the_session uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_agg(jsonb_build_object('Request', a.id, 'ExpiresAt', a.expires_at,
                'Groups', up.ids, 'GroupNames', up.names, 'IsSuperuser', up.is_superuser,
                'RoleNames', ARRAY(SELECT DISTINCT held.name FROM role_groups rg JOIN roles held ON held.id = rg.role_id WHERE rg.group_id = ANY (up.ids) ORDER BY held.name)) ORDER BY a.decided_at, a.id)
              FROM session_elevations e JOIN access_requests a ON a.id = e.request_id JOIN sessions s ON s.id = e.session_id JOIN users u ON u.id = s.user_id
             CROSS JOIN LATERAL (SELECT array_agg(ga.id ORDER BY ga.name) AS ids, array_agg(ga.name ORDER BY ga.name) AS names, bool_or(ga.is_superuser) AS is_superuser
                FROM group_ancestors(a.group_id) ga) up
             WHERE e.session_id = the_session AND a.user_id = s.user_id
               AND access_in_force(a.state, a.expires_at, a.group_id, a.generation, u.is_active, u.session_generation));
END
$$;
