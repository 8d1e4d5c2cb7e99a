CREATE OR REPLACE FUNCTION elevations_of(the_session uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_agg(jsonb_build_object('Request', a.id, 'ExpiresAt', a.expires_at,
                'Groups', up.ids, 'GroupNames', up.names, 'IsSuperuser', up.is_superuser,
                'RoleNames', ARRAY(SELECT DISTINCT held.name FROM role_groups rg JOIN roles held ON held.id = rg.role_id WHERE rg.group_id = ANY (up.ids) ORDER BY held.name)) ORDER BY a.decided_at, a.id)
              FROM session_elevations e JOIN access_requests a ON a.id = e.request_id JOIN sessions s ON s.id = e.session_id JOIN users u ON u.id = s.user_id
             CROSS JOIN LATERAL (SELECT array_agg(ga.id ORDER BY ga.name) AS ids, array_agg(ga.name ORDER BY ga.name) AS names, bool_or(ga.is_superuser) AS is_superuser
                FROM group_ancestors(a.group_id) ga) up
             WHERE e.session_id = the_session AND a.user_id = s.user_id AND a.state = 'granted' AND a.expires_at > clock_timestamp()
               AND a.group_id IS NOT NULL AND u.is_active AND a.generation = u.session_generation);
END
$$;
DROP FUNCTION access_in_force(text, timestamptz, uuid, bigint, boolean, bigint);
DROP FUNCTION access_alive(uuid, bigint, boolean, bigint);
