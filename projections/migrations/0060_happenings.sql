-- Where each event of the advisory stream stands, what it was about and whose that is now. What happened stays in the
-- log and is read there.
CREATE TABLE happenings (
    position bigint PRIMARY KEY,
    kind text NOT NULL,
    aggregate uuid NOT NULL,
    fact text NOT NULL, -- the event's type without name space and version: 'portfolio.created'
    advisor uuid -- null where the log never said whose the aggregate is
);

CREATE INDEX happenings_by_aggregate ON happenings (aggregate, position);
CREATE INDEX happenings_by_advisor ON happenings (advisor, position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('happenings', 'advisory', 0);
