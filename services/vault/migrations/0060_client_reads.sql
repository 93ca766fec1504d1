-- Who read which client's name and address, and when. Written before the reader is answered, never changed, and kept for
-- five years: accountability under data protection law needs it, and asks not to keep it for ever.
create table vault.client_reads (
    -- Where it stands in lists.
    place bigint generated always as identity primary key,
    at timestamptz not null,
    -- Who read, as the log names them.
    actor text not null,
    client uuid not null,
    -- The operation of the interface's document: getClient.
    operation text not null,
    -- The trace in which it was read, where there was one.
    trace_id text
);

create index client_reads_by_client on vault.client_reads (client, place);
create index client_reads_by_time on vault.client_reads (at);

create function vault.reads_stay() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '5 years' then
        return old;
    end if;
    raise exception 'records of who read clients'' data are not changed, and stay for five years';
end
$$;

create trigger reads_stay before update or delete on vault.client_reads
    for each row execute function vault.reads_stay();
create trigger reads_stay_all before truncate on vault.client_reads
    for each statement execute function vault.reads_stay();
