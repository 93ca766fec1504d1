-- What was recommended to whom, as it was then, and how its letter stands.
CREATE TABLE recommendations (
    id uuid PRIMARY KEY,
    portfolio uuid NOT NULL,
    portfolio_version bigint NOT NULL,
    portfolio_name text NOT NULL,
    client uuid NOT NULL,
    advisor uuid NOT NULL,
    currency text NOT NULL,
    assets text[] NOT NULL,
    weights numeric[] NOT NULL,
    rationale text NOT NULL,
    figures jsonb NOT NULL,
    letter text NOT NULL CHECK (letter IN ('due', 'claimed', 'sent', 'failed', 'outcome unknown')),
    attempts bigint NOT NULL,
    made_at timestamptz NOT NULL,
    emailed_at timestamptz,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    CHECK (cardinality(assets) = cardinality(weights))
) WITH (fillfactor = 80); -- room for updates in place, which then touch no index

CREATE INDEX recommendations_by_creation ON recommendations (created_position);
CREATE INDEX recommendations_by_portfolio ON recommendations (portfolio, created_position);
CREATE INDEX recommendations_by_client ON recommendations (client, created_position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('recommendations', 'advisory', 0);
