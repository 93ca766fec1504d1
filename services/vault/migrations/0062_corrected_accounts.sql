-- An account's role can be corrected. What it was made as stays: the same request again is known by it.
alter table vault.accounts
    add column made_role text,
    add column made_advisor uuid;

update vault.accounts set made_role = role, made_advisor = advisor;

alter table vault.accounts alter column made_role set not null;

-- The address of a closed account is free for another one.
alter table vault.accounts drop constraint accounts_email_key;

create unique index accounts_by_open_email on vault.accounts (email) where closed_at is null;
