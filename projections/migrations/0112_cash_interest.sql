-- One row for each word on what cash earns; of two for one day the later position counts.
CREATE TABLE cash_interest (
    asset text NOT NULL,
    position bigint NOT NULL,
    known_at timestamptz NOT NULL,
    from_day date NOT NULL, -- earned from this day's end on, until the next one of which something is said
    rate numeric NOT NULL, -- a year, as a fraction
    PRIMARY KEY (asset, position)
);
