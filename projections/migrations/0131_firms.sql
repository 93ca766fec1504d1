-- What names of firms are compared by: without capital letters, and with one space between words. What is handed over takes
-- its former names along.
ALTER TABLE advisors ADD COLUMN firm_key text NOT NULL DEFAULT '';
ALTER TABLE advisors ALTER COLUMN firm_key DROP DEFAULT;
ALTER TABLE portfolios ADD COLUMN model_of_key text;

DROP INDEX portfolios_models;
CREATE INDEX portfolios_models_by_firm ON portfolios (model_of_key, created_position) WHERE model_of_key IS NOT NULL;

-- The rows are read from the log again.
TRUNCATE advisors, portfolios, former_portfolio_names;
UPDATE checkpoints SET position = 0 WHERE read_model IN ('advisors', 'portfolios');
