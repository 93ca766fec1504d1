-- Lists of one standing read the rows of that standing, few or many, and lists of both are merged from two: one index for
-- each way of asking, of which every row stands in as many as before or in fewer.
CREATE INDEX portfolios_active ON portfolios (created_position) WHERE standing = 'active';
CREATE INDEX portfolios_archived ON portfolios (created_position) WHERE standing = 'archived';
CREATE INDEX portfolios_active_by_name ON portfolios (sought, id) WHERE standing = 'active';
CREATE INDEX portfolios_archived_by_name ON portfolios (sought, id) WHERE standing = 'archived';
CREATE INDEX portfolios_by_standing_and_name ON portfolios (advisor, standing, sought, id);
CREATE INDEX portfolios_by_model_and_standing ON portfolios (model, standing, created_position) WHERE model IS NOT NULL;
CREATE INDEX portfolios_by_model_and_advisor ON portfolios (model, advisor, standing, created_position)
    WHERE model IS NOT NULL;
-- `portfolios_by_standing` has advisor, standing and place.
DROP INDEX portfolios_by_creation, portfolios_by_advisor, portfolios_by_name, portfolios_by_advisor_and_name,
    portfolios_by_model;

CREATE INDEX clients_active ON clients (created_position) WHERE standing = 'active';
CREATE INDEX clients_removed ON clients (created_position) WHERE standing = 'removed';
CREATE INDEX clients_by_standing ON clients (advisor, standing, created_position);
DROP INDEX clients_by_creation, clients_by_advisor;

-- One index of all standings is in no order of places: PostgreSQL rather looks through all recommendations for the few.
CREATE INDEX recommendations_open ON recommendations (created_position) WHERE standing = 'open';
CREATE INDEX recommendations_refused ON recommendations (created_position) WHERE standing = 'refused';
CREATE INDEX recommendations_withdrawn ON recommendations (created_position) WHERE standing = 'withdrawn';
CREATE INDEX recommendations_superseded ON recommendations (created_position) WHERE standing = 'superseded';
CREATE INDEX recommendations_expired ON recommendations (created_position) WHERE standing = 'expired';
DROP INDEX recommendations_by_standing;
