-- One data key per client, wrapped by the key-encryption key. Deleting the row erases the person from the log.
create table vault.data_keys (
    client uuid not null,
    version integer not null check (version > 0),
    -- Fingerprint of the key-encryption key that wrapped it.
    kek text not null,
    -- Nonce, ciphertext and tag.
    wrapped bytea not null,
    created_at timestamptz not null default now(),
    primary key (client, version)
);
