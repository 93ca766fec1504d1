-- What the register says besides name and firm, and whether the advisor may give advice.
ALTER TABLE advisors
    ADD COLUMN regime text NOT NULL DEFAULT 'other',
    ADD COLUMN registration text,
    ADD COLUMN language text NOT NULL DEFAULT 'en',
    ADD COLUMN currency text,
    ADD COLUMN standing text NOT NULL DEFAULT 'active' CHECK (standing IN ('active', 'suspended', 'removed')),
    ADD COLUMN standing_reason text;

-- The defaults are what older rows replay to; new rows say all of it.
ALTER TABLE advisors
    ALTER COLUMN regime DROP DEFAULT,
    ALTER COLUMN language DROP DEFAULT,
    ALTER COLUMN standing DROP DEFAULT;
