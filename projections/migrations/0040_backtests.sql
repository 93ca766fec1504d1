-- Backtests that were recorded: all that each follows from, and the numbers that were shown.
CREATE TABLE backtests (
    id uuid PRIMARY KEY,
    portfolio uuid NOT NULL,
    run jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL
);

CREATE INDEX backtests_by_portfolio ON backtests (portfolio, created_position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('backtests', 'advisory', 0);
