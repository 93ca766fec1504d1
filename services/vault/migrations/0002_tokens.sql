-- Access tokens. The secret itself is shown once and kept nowhere.
create table vault.tokens (
    id uuid primary key,
    digest bytea not null unique check (octet_length(digest) = 32),
    role text not null,
    label text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);
