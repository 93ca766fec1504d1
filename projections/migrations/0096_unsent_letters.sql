-- For an operator who asks which letters have not left.
CREATE INDEX recommendations_by_unsent_letter ON recommendations (letter, made_at) WHERE letter <> 'sent';
