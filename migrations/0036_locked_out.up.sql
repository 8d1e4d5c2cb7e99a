-- locked_out says whether a lock in force refuses an account wherever it comes
-- from: one that names nothing but accounts, roles, groups and every address, and
-- this one is among them. It looks for locks by each thing that one can name of
-- the account, so that it does not matter how many locks there are; the planner,
-- left to itself, reads all of them.
CREATE FUNCTION locked_out(who integer, called text) RETURNS boolean LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    teams text[] := ARRAY(SELECT g.name FROM user_groups(who) g);
    duties text[] := ARRAY(SELECT r.name FROM roles r WHERE EXISTS (SELECT FROM role_users ru WHERE ru.role_id = r.id AND ru.user_id = who)
        OR EXISTS (SELECT FROM role_groups rg JOIN user_groups(who) g ON g.id = rg.group_id WHERE rg.role_id = r.id));
    part jsonb;
BEGIN
    IF EXISTS (SELECT FROM locks t WHERE t.lifted_at IS NULL AND t.target ? 'user' AND fold(t.target ->> 'user') = fold(called)
        AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp()) AND t.target - '{user,role,group,ip}'::text[] = '{}'
        AND (NOT t.target ? 'ip' OR t.target ->> 'ip' IN ('0.0.0.0/0', '::/0'))
        AND (NOT t.target ? 'role' OR t.target ->> 'role' = ANY (duties)) AND (NOT t.target ? 'group' OR t.target ->> 'group' = ANY (teams))) THEN
        RETURN true;
    END IF;
    FOR part IN SELECT jsonb_build_object('role', n) FROM unnest(duties) n UNION ALL SELECT jsonb_build_object('group', n) FROM unnest(teams) n
        UNION ALL SELECT jsonb_build_object('ip', n) FROM unnest('{0.0.0.0/0,::/0}'::text[]) n
    LOOP
        IF EXISTS (SELECT FROM locks t WHERE t.target @> part AND t.lifted_at IS NULL AND NOT t.target ? 'user'
            AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp()) AND t.target - '{role,group,ip}'::text[] = '{}'
            AND (NOT t.target ? 'ip' OR t.target ->> 'ip' IN ('0.0.0.0/0', '::/0'))
            AND (NOT t.target ? 'role' OR t.target ->> 'role' = ANY (duties)) AND (NOT t.target ? 'group' OR t.target ->> 'group' = ANY (teams))) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;
-- Locks are looked for far more often than made: none wait for the next vacuum
-- beside the index, to be read through by every search until then.
ALTER INDEX locks_target_idx SET (fastupdate = off);
