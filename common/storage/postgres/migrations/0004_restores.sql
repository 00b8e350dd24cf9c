-- What a restore leaves to be made good by clients (docs/protocol.md, "After a restore"). Only adds, so that the release
-- before this one goes on working while it is applied.

-- Restores of this database. What was acknowledged between point and restored_at may be lost.
create table restores (
    id          bigint generated always as identity primary key,
    backup      text not null,
    point       timestamptz not null,
    restored_at timestamptz not null check (restored_at >= point)
);

-- The device has not published an encryption key since: the one kept here may be superseded and its private half gone.
alter table devices add column restored boolean not null default false;
-- The session's refresh token may have been rotated after the backup.
alter table sessions add column restored boolean not null default false;

-- Devices that were removed after the backup of a restore, which may have lost the statements that say so: whoever holds
-- one could sign for the time that was lost.
create table removed_devices (device text primary key check (length(device) = 43));

grant select on restores, removed_devices to sealpost_identity, sealpost_messaging, sealpost_maintenance, sealpost_backup;
grant select on sequence restores_id_seq to sealpost_backup;
