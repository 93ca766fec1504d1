-- Whoever changes an account says which version they saw, and a change that was asked for under a key has its first answer for
-- ever.
alter table vault.accounts add column version bigint not null default 1;

create table vault.account_changes (
    -- The command's id, which follows from caller, route and key.
    command uuid primary key,
    account uuid not null references vault.accounts,
    -- What was asked, as a digest.
    digest text not null,
    -- What the account was then.
    version bigint not null,
    role text not null,
    advisor uuid,
    has_password boolean not null
);
