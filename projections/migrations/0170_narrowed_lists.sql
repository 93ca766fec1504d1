-- Portfolios and clients change hands, and whoever asks with the id of what is another's finds what they recommended themselves,
-- if anything, and looks at nothing else: so the advisor stands in the index. Lists of every standing are merged from one of
-- each, so no row stands in more indexes than before.
CREATE INDEX recommendations_by_portfolio_and_advisor
    ON recommendations (portfolio, advisor, standing, created_position);
CREATE INDEX recommendations_by_client_and_advisor ON recommendations (client, advisor, created_position);
-- `recommendations_by_portfolio_and_standing` and `recommendations_by_advisor_and_standing` have these.
DROP INDEX recommendations_by_portfolio, recommendations_by_advisor;

-- Whether an advisor keeps models that are in use: a firm may have many, and an advisor many other portfolios.
CREATE INDEX portfolios_models_in_use ON portfolios (advisor, model_of_key)
    WHERE model_of_key IS NOT NULL AND standing = 'active';
