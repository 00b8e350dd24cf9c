-- Relations of step 1. Hashes and key ids are base64url of SHA-256, 43 characters. Nothing here reads as a person:
-- an account is known by its uid and a keyed hash of its address, a token by its hash, a rate limit by a keyed hash.

create table accounts (
    uid           text primary key check (uid ~ '^[A-Za-z0-9]{1,128}$'),
    -- HMAC of the address under the deployment's key. It never moves to another account.
    address_index bytea not null unique check (octet_length(address_index) = 32),
    -- The end of the key chain, beside the statements so that a send reads it by primary key; null before seq 0.
    root          text check (length(root) = 43),
    head_seq      integer check (head_seq >= 0),
    head_hash     text check (length(head_hash) = 43),
    created_at    timestamptz not null,
    check (num_nulls(root, head_seq, head_hash) in (0, 3))
);

create table devices (
    id           text primary key check (length(id) = 43),
    uid          text not null references accounts on delete cascade,
    modulus      text not null check (length(modulus) = 512),
    state        text not null default 'pending' check (state in ('pending', 'active', 'revoked')),
    created_at   timestamptz not null,
    activated_at timestamptz,
    unique (uid, id),
    check (state = 'pending' or activated_at is not null)
);

create table statements (
    uid       text not null references accounts on delete cascade,
    seq       integer not null check (seq >= 0),
    hash      text not null unique check (length(hash) = 43),
    statement text not null check (length(statement) <= 8192),
    stored_at timestamptz not null,
    primary key (uid, seq)
);

create table encryption_keys (
    kid        text primary key check (length(kid) = 43),
    uid        text not null,
    device     text not null,
    n          bigint not null check (n >= 1),
    issued_at  timestamptz not null,
    expires_at timestamptz not null check (expires_at > issued_at),
    statement  text not null check (length(statement) <= 8192),
    current    boolean not null,
    unique (device, n),
    foreign key (uid, device) references devices (uid, id) on delete cascade
);
create unique index encryption_keys_current on encryption_keys (device) where current;
create index encryption_keys_of_account on encryption_keys (uid) where current;

create table sessions (
    id             text primary key check (length(id) between 22 and 64),
    uid            text not null,
    device         text not null,
    refresh_hash   text not null unique check (length(refresh_hash) = 43),
    -- The rotation that made refresh_hash: a lost answer may be fetched again by the byte-same call.
    previous_hash  text unique check (length(previous_hash) = 43),
    rotation_proof text check (length(rotation_proof) = 43),
    rotated_at     timestamptz,
    created_at     timestamptz not null,
    expires_at     timestamptz not null,
    revoked_at     timestamptz,
    foreign key (uid, device) references devices (uid, id) on delete cascade,
    check (num_nulls(previous_hash, rotation_proof, rotated_at) in (0, 3))
);
create index sessions_of_device on sessions (uid, device);

create table conversations (
    cid        text primary key check (length(cid) = 43),
    kind       text not null check (kind in ('direct', 'group')),
    head_seq   integer not null check (head_seq >= 0),
    head_hash  text not null check (length(head_hash) = 43),
    created_at timestamptz not null
);

create table conversation_statements (
    cid       text not null references conversations on delete cascade,
    seq       integer not null check (seq >= 0),
    hash      text not null unique check (length(hash) = 43),
    statement text not null check (length(statement) <= 8192),
    stored_at timestamptz not null,
    primary key (cid, seq)
);

create table members (
    cid  text not null references conversations on delete cascade,
    uid  text not null references accounts on delete cascade,
    role text not null check (role in ('member', 'admin')),
    primary key (cid, uid)
);
create index members_of_account on members (uid);

-- uid accepts nothing from blocked_uid. The blocked account may not exist any more, or not yet.
create table blocks (
    uid         text not null references accounts on delete cascade,
    blocked_uid text not null check (blocked_uid <> uid),
    created_at  timestamptz not null,
    primary key (uid, blocked_uid)
);

-- Calls counted in a window that begins with the first one. Unlogged: no flush on the hot path, emptied by a failover.
create unlogged table rate_limits (
    subject     bytea not null check (octet_length(subject) = 32),
    seconds     integer not null check (seconds > 0),
    calls       integer not null,
    window_ends timestamptz not null,
    primary key (subject, seconds)
) with (fillfactor = 70);
create index rate_limits_by_end on rate_limits (window_ends);

-- The send limit as a leaky bucket (GCRA, ITU-T I.371): when the account will have worked off what it has sent.
create unlogged table send_limits (
    uid        text primary key,
    busy_until timestamptz not null
) with (fillfactor = 70);

create unlogged table proofs (
    device     text not null,
    jti        text not null,
    -- Which call has used it: that call's statement may run again when its answer was lost.
    claim      bytea not null check (octet_length(claim) = 16),
    expires_at timestamptz not null,
    primary key (device, jti)
);

-- Events that no retry can mend: what and where, never their content.
create table dead_events (
    function text not null,
    event_id text not null,
    kind     text not null,
    reason   text not null,
    times    integer not null default 1,
    first_at timestamptz not null,
    last_at  timestamptz not null,
    primary key (function, event_id, kind)
);
