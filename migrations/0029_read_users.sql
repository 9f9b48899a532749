-- Users as read: visitors, and people with an account. Login and name are markers, sealed or erased.

create table read.users (
  id uuid not null,
  tenant_id uuid not null,
  kind text not null,
  active boolean not null,
  login jsonb,
  name jsonb,
  created_at timestamptz not null,
  registered_at timestamptz,
  position bigint not null,
  constraint users_pkey primary key (id),
  constraint users_kind_known check (kind in ('visitor', 'member')),
  constraint users_account_complete check (
    (kind = 'member') = (login is not null and name is not null and registered_at is not null)
  ),
  constraint users_login_sealed check (login ? '$sealed' or login ? '$erased'),
  constraint users_name_sealed check (name ? '$sealed' or name ? '$erased')
);

create index users_created on read.users (tenant_id, created_at desc, id desc);
create index users_kind_created on read.users (tenant_id, kind, created_at desc, id desc);

alter table read.users enable row level security;
alter table read.users force row level security;
create policy users_projector on read.users to botserver_projector using (true) with check (true);
create policy users_app on read.users for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.users to botserver_projector;
grant select on read.users to botserver_app;
