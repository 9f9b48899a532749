-- Runs as read: which script answers, what it waits for, how it ended.

create table read.runs (
  id uuid not null,
  tenant_id uuid not null,
  conversation_id uuid not null,
  session_id uuid not null,
  bot_id uuid not null,
  user_id uuid not null,
  script text not null,
  program text not null,
  state text not null,
  waits_for text,
  outcome text,
  failure_code text,
  -- A marker, sealed or erased: the message may quote what people said.
  failure_message jsonb,
  failure_line bigint,
  failure_column bigint,
  steps bigint not null,
  reply_count bigint not null,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  position bigint not null,
  constraint runs_pkey primary key (id),
  constraint runs_state_known check (state in ('running', 'waiting', 'ended')),
  constraint runs_outcome_known check (outcome in ('completed', 'failed', 'cancelled')),
  constraint runs_failure_whole check (num_nulls(failure_code, failure_message, failure_line, failure_column) in (0, 4)),
  constraint runs_message_sealed check (failure_message ? '$sealed' or failure_message ? '$erased')
);

create index runs_started on read.runs (tenant_id, started_at desc, id desc);
create index runs_bot_started on read.runs (tenant_id, bot_id, started_at desc, id desc);
create index runs_conversation_started on read.runs (tenant_id, conversation_id, started_at desc, id desc);

alter table read.runs enable row level security;
alter table read.runs force row level security;
create policy runs_projector on read.runs to botserver_projector using (true) with check (true);
create policy runs_app on read.runs for select to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on read.runs to botserver_projector;
grant select on read.runs to botserver_app;
