-- Whether the client is still advised, and which risk they may be advised to take.
ALTER TABLE clients
    ADD COLUMN standing text NOT NULL DEFAULT 'active' CHECK (standing IN ('active', 'removed')),
    ADD COLUMN profile jsonb;

ALTER TABLE clients ALTER COLUMN standing DROP DEFAULT;
