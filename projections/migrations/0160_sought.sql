-- What names are looked for and ordered by, whatever their case and accents, as the folds make it: PostgreSQL knows capital
-- letters by its locale, and lists of the past are searched without it.
TRUNCATE advisors, assets, portfolios, former_portfolio_names;
ALTER TABLE portfolios ALTER COLUMN sought DROP EXPRESSION;
ALTER TABLE advisors
    ADD COLUMN name_sought text COLLATE "C" NOT NULL,
    ADD COLUMN firm_sought text COLLATE "C" NOT NULL;
ALTER TABLE assets ADD COLUMN sought text COLLATE "C" NOT NULL; -- symbol and name

-- The rows are read from the log again.
UPDATE checkpoints SET position = 0 WHERE read_model IN ('advisors', 'assets', 'portfolios');
