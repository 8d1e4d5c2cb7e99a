-- Until when the last token of a grant is good that was neither revoked nor replaced, as
-- far as tokens go: an act that ends them counts grants by it, without a look at tokens.
ALTER TABLE oauth_grants ADD COLUMN open_until timestamptz;
UPDATE oauth_grants o SET open_until = (SELECT max(t.expires_at) FROM oauth_tokens t
    WHERE t.grant_id = o.id AND t.revoked_at IS NULL AND t.replaced_at IS NULL);
