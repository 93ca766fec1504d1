-- How a portfolio is kept, what limits its weights have, what it was copied from, and whether it is put aside.
ALTER TABLE portfolios
    ADD COLUMN standing text NOT NULL DEFAULT 'active' CHECK (standing IN ('active', 'archived')),
    ADD COLUMN limits jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN rebalancing text NOT NULL DEFAULT 'monthly',
    ADD COLUMN benchmark text,
    ADD COLUMN risk_class text,
    ADD COLUMN origin uuid,
    ADD COLUMN origin_version bigint,
    -- For searching and sorting: small and capital letters of ASCII are one, byte by byte, whatever the database's locale.
    ADD COLUMN sought text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name COLLATE "C")) STORED;

ALTER TABLE portfolios
    ALTER COLUMN standing DROP DEFAULT,
    ALTER COLUMN limits DROP DEFAULT,
    ALTER COLUMN rebalancing DROP DEFAULT;

CREATE INDEX portfolios_by_standing ON portfolios (advisor, standing, created_position);
CREATE INDEX portfolios_by_name ON portfolios (sought, id);
CREATE INDEX portfolios_by_advisor_and_name ON portfolios (advisor, sought, id);
