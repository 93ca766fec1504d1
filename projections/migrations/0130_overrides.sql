-- Who let refused advice out, when and why, whatever becomes of it later.
ALTER TABLE recommendations ADD COLUMN overridden jsonb;

-- It stands in the log alone: the recommendations are read from it again.
TRUNCATE recommendations;
UPDATE checkpoints SET position = 0 WHERE read_model = 'recommendations';
