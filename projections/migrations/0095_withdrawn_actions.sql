-- A split or a payment that is withdrawn is a later row without an amount: what was known before stays known of then.
ALTER TABLE corporate_actions ALTER COLUMN amount DROP NOT NULL;
