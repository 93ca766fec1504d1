-- Accounts of one role, such as the few administrators among many advisors, in the order in which they were made.
create index accounts_by_role on vault.accounts (role, place);
create index accounts_by_advisor_and_place on vault.accounts (advisor, place) where advisor is not null;
drop index vault.accounts_by_advisor;
