-- What each kind of function may do. The roles cannot log in: a deployment grants one of them to each service account's
-- database user; a laptop connects as the owner. Roles belong to the whole server, so another database may be making
-- them at this moment.
do $$
declare
    role text;
begin
    foreach role in array array['sealpost_identity', 'sealpost_messaging', 'sealpost_maintenance', 'sealpost_backup'] loop
        if not exists (select from pg_roles where rolname = role) then
            begin
                execute format('create role %I nologin', role);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;
end
$$;

revoke all on all tables in schema public from public;
revoke create on schema public from public;
grant usage on schema public to sealpost_identity, sealpost_messaging, sealpost_maintenance, sealpost_backup;

-- Sign-up, sessions and keys: an account's own relations, and nothing of what is said or to whom.
grant select, insert, update on accounts, devices, sessions, encryption_keys to sealpost_identity;
grant select, insert on statements to sealpost_identity;
grant select, insert, update, delete on proofs, rate_limits to sealpost_identity;

-- Looking up, conversing, sending: reads identities, never changes one.
grant select on accounts, devices, statements, encryption_keys, sessions, blocks to sealpost_messaging;
grant select, insert, update on conversations, members, send_limits to sealpost_messaging;
grant select, insert on conversation_statements to sealpost_messaging;

-- Triggers, sweeping up and operators' work.
grant select, delete on all tables in schema public to sealpost_maintenance;
grant update on accounts, devices, sessions, encryption_keys, conversations to sealpost_maintenance;
grant insert, update on dead_events to sealpost_maintenance;
revoke delete on statements, conversation_statements, migrations from sealpost_maintenance;

grant select on all tables in schema public to sealpost_backup;
