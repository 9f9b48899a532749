-- Organisations as read.

create table read.organisations (
  id uuid not null,
  -- The organisation itself: every read table can be asked whose row it is.
  tenant_id uuid not null,
  name text not null,
  created_at timestamptz not null,
  -- The last event in the row.
  position bigint not null,
  constraint organisations_pkey primary key (id),
  constraint organisations_own_tenant check (tenant_id = id)
);

alter table read.organisations enable row level security;
alter table read.organisations force row level security;
create policy organisations_projector on read.organisations to botserver_projector using (true) with check (true);
create policy organisations_app on read.organisations for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.organisations to botserver_projector;
grant select on read.organisations to botserver_app;
