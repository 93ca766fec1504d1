CREATE TABLE assets (
    id text PRIMARY KEY,
    name text NOT NULL,
    currency text NOT NULL,
    basis text,
    first_day date,
    last_day date,
    days bigint NOT NULL,
    listed_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 80); -- room for updates in place, which then touch no index

CREATE INDEX assets_by_creation ON assets (created_position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('assets', 'market', 0);
