-- A token that was made with a token ends with it, whatever ends that one, and with all before it.
alter table vault.tokens
    -- Those tokens, the oldest first; empty where it was made by a log-in or by an operator.
    add column line uuid[] not null default '{}' check (cardinality(line) <= 8),
    -- Who made it, as the log names them; null where it was an operator, or before this was noted.
    add column made_by text;

create index tokens_by_line on vault.tokens using gin (line);
