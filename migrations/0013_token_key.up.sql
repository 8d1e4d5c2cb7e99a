-- Keys of tokens, sealed with the server's own secret, to be shown once after
-- they were made. The row goes with the first reveal, or with its time.
CREATE TABLE token_keys (
    token_id   uuid CONSTRAINT token_keys_pkey PRIMARY KEY
               CONSTRAINT token_keys_token_fkey REFERENCES tokens (id) ON DELETE CASCADE,
    sealed     bytea NOT NULL,
    expires_at timestamptz -- NULL = the installation keeps keys revealable
);
CREATE INDEX token_keys_expires_at_idx ON token_keys (expires_at);
