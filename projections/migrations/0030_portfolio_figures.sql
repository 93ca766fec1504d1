-- The figures of every portfolio, computed from both streams: so they have two checkpoints. Readers of other read models
-- do not wait for these two.
ALTER TABLE checkpoints ADD COLUMN awaited boolean NOT NULL DEFAULT true;

CREATE TABLE portfolio_figures (
    portfolio uuid PRIMARY KEY,
    advisor uuid NOT NULL,
    currency text NOT NULL,
    assets text[] NOT NULL,
    weights numeric[] NOT NULL,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    stale boolean NOT NULL, -- whether the figures have yet to be computed; all below is of the last time they were
    definitions text,
    prices_position bigint,
    first_day date,
    last_day date,
    returns integer,
    figures jsonb, -- by the figure's id: a number, or why there is none
    no_figures_code text, -- why there are no figures at all
    no_figures_detail text,
    CHECK (cardinality(assets) = cardinality(weights))
);

CREATE INDEX portfolio_figures_by_asset ON portfolio_figures USING gin (assets);
CREATE INDEX portfolio_figures_stale ON portfolio_figures (portfolio) WHERE stale;
CREATE INDEX portfolio_figures_by_creation ON portfolio_figures (created_position);
CREATE INDEX portfolio_figures_by_advisor ON portfolio_figures (advisor, created_position);

INSERT INTO checkpoints (read_model, stream, position, awaited) VALUES
    ('portfolio_figures', 'advisory', 0, false),
    ('portfolio_figures_prices', 'market', 0, false);
