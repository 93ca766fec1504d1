-- Whose an aggregate is tells its event before, found by its key; what happened to one aggregate is read from the log. Only
-- clients change hands, and all their rows with them. An index over all aggregates cost a replay more than the rows.
DROP INDEX happenings_by_aggregate;
CREATE INDEX happenings_of_clients ON happenings (aggregate, position) WHERE kind = 'client';
