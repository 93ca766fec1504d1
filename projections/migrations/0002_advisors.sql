CREATE TABLE advisors (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    firm text NOT NULL,
    registered_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL
);

CREATE INDEX advisors_by_creation ON advisors (created_position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('advisors', 'advisory', 0);
