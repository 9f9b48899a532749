-- Conversations as read, and what was said in them.

create table read.conversations (
  id uuid not null,
  tenant_id uuid not null,
  session_id uuid not null,
  bot_id uuid not null,
  user_id uuid not null,
  state text not null,
  end_reason text,
  started_at timestamptz not null,
  active_at timestamptz not null,
  ended_at timestamptz,
  turn_count bigint not null,
  reply_count bigint not null,
  position bigint not null,
  constraint conversations_pkey primary key (id),
  constraint conversations_state_known check (state in ('open', 'ended'))
);

create index conversations_started on read.conversations (tenant_id, started_at desc, id desc);
create index conversations_bot_started on read.conversations (tenant_id, bot_id, started_at desc, id desc);
create index conversations_session_started on read.conversations (tenant_id, session_id, started_at desc, id desc);

-- Turns and replies, in the order of the log. Written once.
create table read.turns (
  conversation_id uuid not null,
  position bigint not null,
  tenant_id uuid not null,
  session_id uuid not null,
  -- Of the turn or of the reply.
  id uuid not null,
  author text not null,
  -- The sender's own, of a turn.
  message_id uuid,
  -- The turn that a reply answers.
  in_reply_to uuid,
  -- The run that said a reply.
  run_id uuid,
  -- A marker, sealed or erased.
  content jsonb not null,
  at timestamptz not null,
  constraint turns_pkey primary key (conversation_id, position),
  constraint turns_author_known check (author in ('visitor', 'bot')),
  constraint turns_content_sealed check (content ? '$sealed' or content ? '$erased')
);

-- What a socket missed.
create index turns_session on read.turns (session_id, position);

alter table read.conversations enable row level security;
alter table read.conversations force row level security;
create policy conversations_projector on read.conversations to botserver_projector using (true) with check (true);
create policy conversations_app on read.conversations for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.conversations to botserver_projector;
grant select on read.conversations to botserver_app;

alter table read.turns enable row level security;
alter table read.turns force row level security;
create policy turns_projector on read.turns to botserver_projector using (true) with check (true);
create policy turns_app on read.turns for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.turns to botserver_projector;
grant select on read.turns to botserver_app;
