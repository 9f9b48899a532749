-- What people remarked of a conversation, in rows of its own: whoever asks for conversations reads none of it.

select read.in_slots('conversation', $statements$
  -- In the order of the log. Written once. The column `notes` of conversations is kept for an older version beside this one.
  create table notes (
    conversation_id uuid not null,
    position bigint not null,
    tenant_id uuid not null,
    -- A marker, sealed or erased.
    text jsonb not null,
    at timestamptz not null,
    constraint notes_pkey primary key (conversation_id, position),
    constraint notes_text_sealed check (text ? '$sealed' or text ? '$erased')
  );
  alter table notes enable row level security;
  alter table notes force row level security;
  select read.let_in(current_schema()::text, 'notes');

  -- The desk of a bot, as its scripts ask for it.
  create index conversations_desk on conversations (tenant_id, bot_id, control, control_since, id)
    where control <> 'bot' and state = 'open';
$statements$);
