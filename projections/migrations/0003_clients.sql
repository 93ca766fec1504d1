-- Name and e-mail address stand here as they stand in the log: sealed.
CREATE TABLE clients (
    id uuid PRIMARY KEY,
    advisor uuid NOT NULL,
    sealed_for uuid NOT NULL,
    key_version bigint NOT NULL,
    sealed_name bytea NOT NULL,
    sealed_email bytea NOT NULL,
    registered_at timestamptz NOT NULL,
    created_position bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL
);

CREATE INDEX clients_by_creation ON clients (created_position);
CREATE INDEX clients_by_advisor ON clients (advisor, created_position);

INSERT INTO checkpoints (read_model, stream, position) VALUES ('clients', 'advisory', 0);
