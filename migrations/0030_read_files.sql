-- Files as read: what was uploaded to sessions, and whether a turn has taken it.

create table read.files (
  id uuid not null,
  tenant_id uuid not null,
  session_id uuid not null,
  user_id uuid not null,
  state text not null,
  -- The turn that took it.
  turn_id uuid,
  -- A marker, sealed or erased.
  name jsonb not null,
  media_type text not null,
  bytes bigint not null,
  uploaded_at timestamptz not null,
  position bigint not null,
  constraint files_pkey primary key (id),
  constraint files_state_known check (state in ('uploaded', 'attached', 'discarded')),
  constraint files_turn_known check ((state = 'attached') = (turn_id is not null)),
  constraint files_name_sealed check (name ? '$sealed' or name ? '$erased')
);

create index files_uploaded on read.files (tenant_id, uploaded_at desc, id desc);
create index files_session_uploaded on read.files (session_id, uploaded_at desc, id desc);
-- What waits for a turn, and is discarded when none comes.
create index files_unsent on read.files (tenant_id, uploaded_at) where state = 'uploaded';

alter table read.files enable row level security;
alter table read.files force row level security;
create policy files_projector on read.files to botserver_projector using (true) with check (true);
create policy files_app on read.files for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.files to botserver_projector;
grant select on read.files to botserver_app;

-- What a turn had attached: a marker, sealed or erased; none where nothing was.
alter table read.turns add column files jsonb;
alter table read.turns add constraint turns_files_sealed check (files ? '$sealed' or files ? '$erased');
