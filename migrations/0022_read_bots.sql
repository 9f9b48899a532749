-- Bots as read: the package that answers, and what is wrong with its scripts.

create table read.bots (
  id uuid not null,
  tenant_id uuid not null,
  name text not null,
  state text not null,
  -- Null, with scripts and profile, until a package was loaded.
  package_digest text,
  -- By name: source, program, findings.
  scripts jsonb,
  profile jsonb,
  -- A script of the package does not compile.
  broken boolean not null,
  created_at timestamptz not null,
  loaded_at timestamptz,
  position bigint not null,
  constraint bots_pkey primary key (id),
  constraint bots_state_known check (state in ('active', 'paused', 'retired')),
  constraint bots_package_whole check (num_nulls(package_digest, scripts, profile) in (0, 3))
);

create index bots_created on read.bots (tenant_id, created_at desc, id desc);
create index bots_name on read.bots (tenant_id, name);

alter table read.bots enable row level security;
alter table read.bots force row level security;
create policy bots_projector on read.bots to botserver_projector using (true) with check (true);
create policy bots_app on read.bots for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.bots to botserver_projector;
grant select on read.bots to botserver_app;
