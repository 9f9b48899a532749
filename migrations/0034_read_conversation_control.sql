-- Who answers in a conversation, and what the people who do know of it.

select read.in_slots('conversation', $statements$
  alter table conversations
    add column control text not null default 'bot',
    add column control_since timestamptz not null default clock_timestamp(),
    -- Markers, sealed or erased: the name that the person is told, and why.
    add column attendant jsonb,
    add column reason jsonb,
    add column department text,
    add column priority text not null default 'normal',
    add column tags text[] not null default '{}',
    -- A list of objects with a marker and a moment each.
    add column notes jsonb not null default '[]',
    add constraint conversations_control_known check (control in ('bot', 'waiting_for_human', 'human', 'paused')),
    add constraint conversations_priority_known check (priority in ('low', 'normal', 'high', 'urgent')),
    add constraint conversations_attendant_sealed check (attendant ? '$sealed' or attendant ? '$erased'),
    add constraint conversations_reason_sealed check (reason ? '$sealed' or reason ? '$erased');
  update conversations set control_since = started_at;

  -- The queue, and what else the bot does not answer.
  create index conversations_controlled on conversations (tenant_id, control_since, id)
    where control <> 'bot' and state = 'open';

  -- Who said a reply in the bot's place.
  alter table turns
    add column attendant jsonb,
    add constraint turns_attendant_sealed check (attendant ? '$sealed' or attendant ? '$erased');
$statements$);
