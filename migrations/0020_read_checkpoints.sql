-- Read models: how far each projection has folded the log, and who folds it.

create schema if not exists read;

-- One row per projection. A batch's rows and its position are written in one transaction, which names the lease
-- epoch and the position it started from: a process that lost its lease changes nothing.
create table read.checkpoints (
  name text not null,
  -- Of the fold that made the rows; another one makes them again.
  version integer not null,
  position bigint not null default 0,
  lease_owner uuid,
  lease_epoch bigint not null default 0,
  lease_until timestamptz,
  updated_at timestamptz not null default clock_timestamp(),
  -- What stopped it: position, event_id, error, attempts, at. No personal data. Null while all is well.
  failure jsonb,
  constraint checkpoints_pkey primary key (name),
  constraint checkpoints_position_positive check (position >= 0)
) with (fillfactor = 50);

grant select, insert, update on read.checkpoints to botserver_projector;
grant select on read.checkpoints to botserver_app;
