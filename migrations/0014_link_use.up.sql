-- Links that stay good after they were used, until they expire or are ended.
-- Tokens that open no flow take no notice. A link that was asked for carries it to
-- the token that is made when its mail is sent.
ALTER TABLE tokens ADD COLUMN single_use boolean NOT NULL DEFAULT true;
ALTER TABLE links ADD COLUMN single_use boolean NOT NULL DEFAULT true;
