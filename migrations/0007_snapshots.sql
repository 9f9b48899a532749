-- Snapshots: the states of long streams as they were at some event, so that whoever needs one need not fold all of it.
-- A cache: the rows can be deleted at any time. Personal values stand in them as in the events they come from, sealed.

create table log.snapshots (
  tenant_id uuid not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  -- Of the state's shape and meaning.
  form integer not null,
  -- The last event in it.
  sequence bigint not null,
  state json not null,
  -- Keyed, over all of the above: a state that was changed here is not believed.
  seal bytea not null,
  taken_at timestamptz not null default clock_timestamp(),
  constraint snapshots_pkey primary key (aggregate_type, aggregate_id),
  constraint snapshots_sequence_positive check (sequence > 0),
  constraint snapshots_seal_length check (length(seal) = 32)
);

alter table log.snapshots enable row level security;
alter table log.snapshots force row level security;
create policy log_all on log.snapshots to botserver_log using (true) with check (true);
grant select, insert, update, delete on log.snapshots to botserver_log;
