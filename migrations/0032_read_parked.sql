-- Parked events: what a projection cannot fold, and whatever came for the same ordering key after it. All other keys
-- go on. And events that an operator had passed over, for good.

create table read.parked (
  id uuid not null default gen_random_uuid(),
  -- The projection's.
  name text not null,
  ordering_key text not null,
  position bigint not null,
  tenant_id uuid not null,
  event_id uuid not null,
  event_type text not null,
  -- What hinders it; null of one that waits behind another of its key. No personal data.
  error text,
  attempts integer not null,
  parked_at timestamptz not null default clock_timestamp(),
  -- When its key is tried again, of the one that hinders it.
  retry_at timestamptz,
  constraint parked_pkey primary key (name, ordering_key, position),
  constraint parked_id_key unique (id)
);

alter table read.parked enable row level security;
alter table read.parked force row level security;
create policy parked_projector on read.parked to botserver_projector using (true) with check (true);
create policy parked_app on read.parked for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.parked to botserver_projector;
grant select on read.parked to botserver_app;

-- That somebody decided so, and why, is an event of the log.
create table read.skipped (
  name text not null,
  position bigint not null,
  tenant_id uuid not null,
  skipped_at timestamptz not null default clock_timestamp(),
  constraint skipped_pkey primary key (name, position)
);

alter table read.skipped enable row level security;
alter table read.skipped force row level security;
create policy skipped_projector on read.skipped to botserver_projector using (true) with check (true);
create policy skipped_app on read.skipped for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert on read.skipped to botserver_projector;
grant select on read.skipped to botserver_app;
