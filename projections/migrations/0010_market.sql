-- Assets with class, sector, exchange and delisting; prices with all that a day has, and with corporate actions.
-- What stood here before is replayed from the log.
DELETE FROM assets;
ALTER TABLE assets
    ADD COLUMN class text,
    ADD COLUMN sector text,
    ADD COLUMN exchange text,
    ADD COLUMN time_zone text,
    ADD COLUMN source text,
    ADD COLUMN delisted_on date;

CREATE INDEX assets_by_class ON assets (class, created_position);
CREATE INDEX assets_by_sector ON assets (sector, created_position);

DROP TABLE price_chunks;

-- One row for each event that brought prices or corrected them: a series is read from few rows, a day's prices cost one
-- each, and what was known at a position is what stands in the rows up to it.
CREATE TABLE price_chunks (
    asset text NOT NULL,
    position bigint NOT NULL,
    known_at timestamptz NOT NULL, -- when the event's command was given
    source text NOT NULL,
    basis text, -- none where the row corrects earlier ones
    first_day date NOT NULL,
    last_day date NOT NULL,
    days integer NOT NULL,
    bars bytea NOT NULL, -- columns of small numbers, as in the log: already dense
    PRIMARY KEY (asset, position)
);
ALTER TABLE price_chunks ALTER COLUMN bars SET STORAGE EXTERNAL;

-- One row for each split or payment; of two for one day and kind the later position counts.
CREATE TABLE corporate_actions (
    asset text NOT NULL,
    position bigint NOT NULL,
    known_at timestamptz NOT NULL,
    source text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL, -- split, dividend, capital_gain
    amount numeric NOT NULL, -- new units, or cash for one unit
    old_units numeric, -- of a split
    PRIMARY KEY (asset, position)
);

DELETE FROM parked WHERE read_model IN ('assets', 'prices');
UPDATE checkpoints SET position = 0 WHERE read_model IN ('assets', 'prices');
