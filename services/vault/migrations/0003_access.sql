-- Who may log in. An advisor's account says whose clients and portfolios it is about.
create table vault.accounts (
    id uuid primary key,
    -- Where it stands in lists.
    place bigint generated always as identity unique,
    email text not null unique check (email = lower(email)),
    role text not null check (role in ('admin', 'advisor', 'compliance')),
    advisor uuid,
    -- An argon2id hash in its PHC spelling; null until an invitation is taken up.
    password text,
    created_at timestamptz not null,
    closed_at timestamptz,
    check ((role = 'advisor') = (advisor is not null))
);

create index accounts_by_advisor on vault.accounts (advisor) where advisor is not null;

-- One-time secrets that let their bearer choose a password. Without an account, it is the first administrator's.
create table vault.invitations (
    digest bytea primary key check (octet_length(digest) = 32),
    account uuid references vault.accounts (id),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);

create index invitations_by_account on vault.invitations (account);

-- Log-ins. The secret itself stands in the browser's cookie and nowhere else.
create table vault.sessions (
    id uuid primary key,
    digest bytea not null unique check (octet_length(digest) = 32),
    account uuid not null references vault.accounts (id),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);

create index sessions_by_account on vault.sessions (account);
create index sessions_by_expiry on vault.sessions (expires_at);

-- Tries to log in under one address, whether anybody has it or not: nobody can tell the two apart by trying.
create table vault.login_attempts (
    -- A hash of the address.
    subject bytea primary key check (octet_length(subject) = 32),
    failures integer not null,
    last_at timestamptz not null,
    locked_until timestamptz not null
);

create index login_attempts_by_time on vault.login_attempts (last_at);

alter table vault.tokens
    -- Where it stands in lists.
    add column place bigint generated always as identity unique,
    add column account uuid references vault.accounts (id),
    add column advisor uuid,
    add column scope text not null default 'write' check (scope in ('read', 'write')),
    -- A hash of what was asked for when it was made, so that asking again can be told from asking for something else.
    add column request bytea,
    add constraint tokens_role check (role in ('admin', 'advisor', 'compliance')),
    add constraint tokens_advisor check ((role = 'advisor') = (advisor is not null));

create index tokens_by_account on vault.tokens (account, place);

-- How often anybody lost access. Processes that remember who may act compare it, and forget when it has grown.
create table vault.epoch (
    only_row boolean primary key default true check (only_row),
    epoch bigint not null
);

insert into vault.epoch (epoch) values (1);

create function vault.somebody_lost_access() returns trigger language plpgsql as $$
begin
    update vault.epoch set epoch = epoch + 1;
    return null;
end
$$;

-- However it comes about, by a command or by an operator's own statement.
create trigger lost_access after update of revoked_at, expires_at, role, advisor, scope or delete on vault.tokens
    for each statement execute function vault.somebody_lost_access();
create trigger lost_access after update of revoked_at, expires_at or delete on vault.sessions
    for each statement execute function vault.somebody_lost_access();
create trigger lost_access after update of closed_at, role, advisor or delete on vault.accounts
    for each statement execute function vault.somebody_lost_access();
