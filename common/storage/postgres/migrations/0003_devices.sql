-- Several devices an account: linking, removal, reset, history key, backups, audit, discovery. Only adds, so that the
-- release before this one goes on working while it is applied.

alter table accounts add column discoverable boolean not null default true;

-- When the session was begun or last renewed, and what the person calls it.
alter table sessions
    add column seen_at timestamptz not null default now(),
    add column name    text check (length(name) between 1 and 64);
update sessions set seen_at = coalesce(rotated_at, created_at);

-- One more key of an account, announced in its chain; at most one lives. Ended ones stay: a kid occurs once in the service.
create table history_keys (
    kid         text primary key check (length(kid) = 43),
    uid         text not null references accounts on delete cascade,
    backup_n    bigint not null check (backup_n >= 1),
    backup_hash text not null check (length(backup_hash) = 43),
    living      boolean not null
);
create unique index history_keys_living on history_keys (uid) where living;

-- The one device that asks to join an account; and, of those that were granted, what the granting device says to each.
create table link_requests (
    uid            text not null references accounts on delete cascade,
    device         text not null,
    pop            text not null check (length(pop) <= 8192),
    encryption_key text not null check (length(encryption_key) <= 8192),
    mac            text not null check (length(mac) = 43),
    expires_at     timestamptz not null,
    grant_mac      text check (length(grant_mac) = 43),
    primary key (uid, device),
    foreign key (uid, device) references devices (uid, id) on delete cascade
);

create unique index link_requests_waiting on link_requests (uid) where grant_mac is null;

-- The one device that wants to reset an account whose other devices are in use, and from when it may.
create table reset_requests (
    uid          text primary key references accounts on delete cascade,
    device       text not null,
    requested_at timestamptz not null,
    due_at       timestamptz not null check (due_at > requested_at),
    foreign key (uid, device) references devices (uid, id) on delete cascade
);

create table key_backups (
    uid       text not null references accounts on delete cascade,
    n         bigint not null check (n >= 1),
    hash      text not null check (length(hash) = 43),
    backup    text not null check (length(backup) <= 98304),
    stored_at timestamptz not null,
    primary key (uid, n)
);

-- What happened to an account, for its person to read: acts and ids, nothing of their content.
create table audit_log (
    id      bigint generated always as identity primary key,
    uid     text not null references accounts on delete cascade,
    at      timestamptz not null,
    act     text not null,
    device  text,
    session text
);
create index audit_log_of_account on audit_log (uid, id desc);

-- Addresses that an account has looked up today, as keyed hashes under that day's key. Unlogged as all limits are.
create unlogged table discoveries (
    uid         text not null,
    subject     bytea not null check (octet_length(subject) = 32),
    window_ends timestamptz not null,
    primary key (uid, subject)
);
create index discoveries_by_end on discoveries (window_ends);

alter table conversations drop constraint conversations_kind_check;
alter table conversations add constraint conversations_kind_check check (kind in ('direct', 'group', 'self'));

grant select, insert, update, delete on link_requests, reset_requests to sealpost_identity;
grant select, insert, delete on key_backups to sealpost_identity;
grant select, insert, update on history_keys to sealpost_identity;
grant select, insert on audit_log to sealpost_identity;

grant select on history_keys to sealpost_messaging;
grant select, insert, update, delete on discoveries to sealpost_messaging;

grant select, delete on link_requests, reset_requests, key_backups, audit_log, discoveries, history_keys to sealpost_maintenance;
grant select on history_keys, link_requests, reset_requests, key_backups, audit_log, discoveries to sealpost_backup;
grant select on sequence audit_log_id_seq to sealpost_backup;
