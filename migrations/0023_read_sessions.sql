-- Sessions as read. Neither address nor secret is kept here.

create table read.sessions (
  id uuid not null,
  tenant_id uuid not null,
  bot_id uuid not null,
  user_id uuid not null,
  channel text not null,
  state text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  position bigint not null,
  constraint sessions_pkey primary key (id),
  constraint sessions_state_known check (state in ('open', 'ended'))
);

create index sessions_started on read.sessions (tenant_id, started_at desc, id desc);
create index sessions_bot_started on read.sessions (tenant_id, bot_id, started_at desc, id desc);

alter table read.sessions enable row level security;
alter table read.sessions force row level security;
create policy sessions_projector on read.sessions to botserver_projector using (true) with check (true);
create policy sessions_app on read.sessions for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.sessions to botserver_projector;
grant select on read.sessions to botserver_app;
