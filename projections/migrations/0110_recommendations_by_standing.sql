-- Recommendations that stand in one way, such as the few that are open among many that were superseded: of all, of an
-- advisor, and of a portfolio, each in the order of their making. A client has few enough to look through them.
CREATE INDEX recommendations_by_standing ON recommendations (standing, created_position);
CREATE INDEX recommendations_by_advisor_and_standing ON recommendations (advisor, standing, created_position);
CREATE INDEX recommendations_by_portfolio_and_standing ON recommendations (portfolio, standing, created_position);
