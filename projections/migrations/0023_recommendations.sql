-- Whether advice stands, why it was refused, and what it comes with.
ALTER TABLE recommendations
    ADD COLUMN standing text NOT NULL DEFAULT 'open'
        CHECK (standing IN ('open', 'refused', 'withdrawn', 'superseded', 'expired')),
    ADD COLUMN standing_reason text,
    ADD COLUMN superseded_by uuid,
    ADD COLUMN gates jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN terms jsonb NOT NULL
        DEFAULT '{"risk_class": null, "product_classes": {}, "costs": null, "valid_until": null}';

ALTER TABLE recommendations
    ALTER COLUMN standing DROP DEFAULT,
    ALTER COLUMN gates DROP DEFAULT,
    ALTER COLUMN terms DROP DEFAULT;
