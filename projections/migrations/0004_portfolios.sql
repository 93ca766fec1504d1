-- Weights are fractions, each beside its asset, in the order of the assets' ids.
CREATE TABLE portfolios (
    id uuid PRIMARY KEY,
    advisor uuid NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    assets text[] NOT NULL,
    weights numeric[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    CHECK (cardinality(assets) = cardinality(weights))
) WITH (fillfactor = 80); -- room for updates in place, which then touch no index

CREATE INDEX portfolios_by_creation ON portfolios (created_position);
CREATE INDEX portfolios_by_advisor ON portfolios (advisor, created_position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('portfolios', 'advisory', 0);
