-- What portfolios were called before, in small letters: where they stood in lists of the past that go by names.
CREATE TABLE former_portfolio_names (
    portfolio uuid NOT NULL,
    advisor uuid NOT NULL,
    sought text COLLATE "C" NOT NULL,
    PRIMARY KEY (portfolio, sought)
);

CREATE INDEX former_portfolio_names_by_name ON former_portfolio_names (sought, portfolio);
CREATE INDEX former_portfolio_names_by_advisor_and_name ON former_portfolio_names (advisor, sought, portfolio);

-- Former names stand in the log alone: the portfolios are read from it again.
TRUNCATE portfolios;
UPDATE checkpoints SET position = 0 WHERE read_model = 'portfolios';
