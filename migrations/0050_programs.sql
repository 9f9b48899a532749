-- Compiled scripts, under the hash of the compiled form. A suspended run names its program by it, so a program is
-- kept as long as a state needs it. Scripts are the bot's, not a person's: they are stored in the clear.
create table app.programs (
  tenant_id uuid not null,
  hash bytea not null,
  name text not null,
  source text not null,
  compiled bytea not null,
  stored_at timestamptz not null default clock_timestamp(),
  constraint programs_pkey primary key (tenant_id, hash),
  constraint programs_hash_length check (octet_length(hash) = 32)
);

alter table app.programs enable row level security;
alter table app.programs force row level security;
create policy programs_tenant on app.programs to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert on app.programs to botserver_app;

-- Workers that follow the log and act: how far they are, and which of them may act. The epoch is a fencing token:
-- a stream's head refuses one lower than it has seen.
create table app.workers (
  name text not null,
  position bigint not null default 0,
  lease_epoch bigint not null default 0,
  updated_at timestamptz not null default clock_timestamp(),
  constraint workers_pkey primary key (name),
  constraint workers_position_positive check (position >= 0)
);
grant select, insert, update on app.workers to botserver_projector;
