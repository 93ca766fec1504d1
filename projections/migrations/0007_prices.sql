-- One row for each event that brought prices: a series is read from few rows, and a day's prices cost one each.
CREATE TABLE price_chunks (
    asset text NOT NULL,
    position bigint NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    days integer[] NOT NULL, -- days since 1970-01-01, ascending
    closes numeric[] NOT NULL,
    PRIMARY KEY (asset, position),
    CHECK (cardinality(days) = cardinality(closes))
);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('prices', 'market', 0);
