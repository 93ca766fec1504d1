-- Advice that stands and has a last day, by that day: what the role `expire` looks for. Days as texts are in the order of
-- days, and only a text can be an index's expression here: reading a day from one depends on settings.
CREATE INDEX recommendations_by_end ON recommendations ((terms ->> 'valid_until') COLLATE "C", id)
    WHERE standing = 'open' AND terms ->> 'valid_until' IS NOT NULL;
