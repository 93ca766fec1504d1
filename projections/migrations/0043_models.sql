-- Models of firms, and who follows which. No portfolio was or did either before, so the rows there are right as they are.
ALTER TABLE portfolios
    ADD COLUMN model_of text,
    ADD COLUMN model uuid,
    ADD COLUMN model_version bigint,
    ADD CHECK ((model IS NULL) = (model_version IS NULL));

CREATE INDEX portfolios_models ON portfolios (model_of, created_position) WHERE model_of IS NOT NULL;
CREATE INDEX portfolios_by_model ON portfolios (model, created_position) WHERE model IS NOT NULL;
