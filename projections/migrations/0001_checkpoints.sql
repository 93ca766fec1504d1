-- How far each read model has come, and what it could not take.
-- Nothing in this schema is original: all of it can be dropped and replayed from the log.

CREATE TABLE checkpoints (
    read_model text PRIMARY KEY,
    stream text NOT NULL,
    position bigint NOT NULL CHECK (position >= 0)
);

-- One row for each event that a read model did not take. The first of a subject names the cause; the others stand
-- behind it, so that a retry can apply them in order.
CREATE TABLE parked (
    read_model text NOT NULL,
    position bigint NOT NULL,
    subject text NOT NULL,
    event_type text NOT NULL,
    event_time timestamptz,
    reason text NOT NULL,
    PRIMARY KEY (read_model, position)
);

CREATE INDEX parked_by_subject ON parked (read_model, subject, position);
