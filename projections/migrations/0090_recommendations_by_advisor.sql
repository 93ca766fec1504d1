-- An advisor's own list reads their rows and nobody else's.
CREATE INDEX recommendations_by_advisor ON recommendations (advisor, created_position);
