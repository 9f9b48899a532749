-- The event log: its tables, who may do what with them, and the leaf. `log.append` is in a file of its own.

-- Events: written once, never changed. The first seven columns are those of postgres-es, whose stock
-- repository reads this table unchanged; ours follow, each with a default.
create table log.events (
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  sequence bigint not null,
  event_type text not null,
  event_version text not null,
  payload json not null,
  metadata json not null,
  -- `cache 1`: a session that kept numbers in reserve would hand them out late, and within one step of the
  -- sequencer the number decides the order of a stream.
  seq_no bigint generated always as identity (cache 1),
  tx_id xid8 not null default pg_current_xact_id(),
  -- A constant that `log.begin_epoch` replaces: transaction ids mean nothing in another cluster.
  epoch integer not null default 1,
  event_id uuid not null default gen_random_uuid(),
  tenant_id uuid not null default '00000000-0000-0000-0000-000000000000',
  ordering_key text not null default '',
  slice smallint not null default 0,
  command_id uuid,
  recorded_at timestamptz not null default clock_timestamp(),
  constraint events_pkey primary key (aggregate_type, aggregate_id, sequence),
  constraint events_sequence_positive check (sequence > 0)
);

-- The one further index: the sequencer finds what is new by it, the feed joins by it, a receipt finds its
-- events by it. Unique indexes on event_id and seq_no would cost every append and catch only bugs.
create index events_tx_id on log.events (epoch, tx_id, seq_no);

-- Heads: one row per stream. Admits each command whole. Updated in place, so room is left on each page.
create table log.heads (
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  tenant_id uuid not null,
  version bigint not null,
  lease_epoch bigint not null,
  constraint heads_pkey primary key (aggregate_type, aggregate_id),
  constraint heads_version_positive check (version > 0)
) with (fillfactor = 70);

-- Receipts: a command id stores its events once. The range of a command's events is not repeated here: they
-- are those of its transaction with its id, found by `events_tx_id`, and the row need never be updated.
create table log.receipts (
  tenant_id uuid not null,
  command_id uuid not null,
  digest bytea not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  slice smallint not null,
  epoch integer not null,
  tx_id xid8 not null default pg_current_xact_id(),
  event_count integer not null,
  -- Of a command without events only: the version of its stream and the number of its last event.
  version bigint,
  seq_no bigint,
  answer json not null,
  recorded_at timestamptz not null default clock_timestamp(),
  constraint receipts_pkey primary key (tenant_id, command_id),
  constraint receipts_digest_length check (length(digest) = 32)
);

-- Claims: who holds what must be unique. The key is a keyed hash, never the text.
create table log.claims (
  tenant_id uuid not null,
  kind text collate "C" not null,
  key_hash bytea not null,
  owner text not null,
  aggregate_type text collate "C" not null,
  aggregate_id text collate "C" not null,
  taken_at timestamptz not null default clock_timestamp(),
  constraint claims_pkey primary key (tenant_id, kind, key_hash),
  constraint claims_hash_length check (length(key_hash) = 32)
);

-- Positions: the order of the whole log, dense from 1, given by the sequencer. `epoch` and `tx_id` are the
-- event's, so that the join runs along `events_tx_id`.
create table log.positions (
  position bigint not null,
  seq_no bigint not null,
  epoch integer not null,
  tx_id xid8 not null,
  tenant_id uuid not null,
  slice smallint not null,
  leaf bytea not null,
  constraint positions_pkey primary key (position),
  constraint positions_seq_no_key unique (seq_no),
  constraint positions_position_positive check (position > 0)
);

-- Head of the log: one row per step of the sequencer that placed something. Insert-only and pruned from the
-- far end: an updated row would leave a chain of dead versions that an old reader keeps from being removed.
create table log.head (
  step bigint not null,
  position bigint not null,
  snap pg_snapshot not null,
  epoch integer not null,
  placed_at timestamptz not null default clock_timestamp(),
  constraint head_pkey primary key (step)
);

-- Instances: the clusters this log has lived in. A restore or a promotion is another one.
create table log.instances (
  epoch integer not null,
  system_identifier bigint not null,
  timeline integer not null,
  began_at timestamptz not null default clock_timestamp(),
  constraint instances_pkey primary key (epoch)
);

-- Timeline that is written now; the control file learns of a promotion later.
create function log.timeline() returns integer language sql stable
  return ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;

insert into log.head (step, position, snap, epoch) values (0, 0, pg_current_snapshot(), 1);
insert into log.instances (epoch, system_identifier, timeline)
  select 1, system_identifier, log.timeline() from pg_control_system();

-- Written once: not even the owner changes an event or a position, unless an operator who repairs a log says
-- `set log.unlock = 'on'` first. `botserver log verify` then finds what was changed.
create function log.refuse_change() returns trigger language plpgsql as $$
begin
  if current_setting('log.unlock', true) = 'on' then
    return null;
  end if;
  raise exception 'log.% is written once', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

create trigger events_written_once before update or delete or truncate on log.events
  for each statement execute function log.refuse_change();
create trigger positions_written_once before update or delete or truncate on log.positions
  for each statement execute function log.refuse_change();

-- What postgres-es's stock repository is pointed at by `botserver log verify`: its aggregate type is a constant
-- of the program, ours come from the data, so a session names the one it reads in `log.stock_type`.
create view log.stock_events with (security_invoker = on) as
  select 'stock'::text as aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata
  from log.events where aggregate_type = current_setting('log.stock_type', true);

-- Rights. botserver_app reads its tenant's rows and appends through `log.append_joined` only.
grant select, insert on log.events, log.positions, log.instances to botserver_log;
grant select, insert, update on log.heads to botserver_log;
-- Update on receipts: a command without events notes where its stream was.
grant select, insert, update, delete on log.receipts, log.claims to botserver_log;
grant select, insert, delete on log.head to botserver_log;
grant select on log.stock_events to botserver_log;
grant select on log.events, log.positions, log.heads, log.receipts, log.claims, log.head to botserver_app;

-- Open to everybody unless somebody closed it; then only a superuser can say this.
do $$
begin
  if not has_function_privilege('botserver_log', 'pg_control_system()', 'execute') then
    grant execute on function pg_control_system() to botserver_log;
  end if;
end
$$;

do $$
declare
  table_name text;
begin
  foreach table_name in array array['events', 'heads', 'receipts', 'claims', 'positions'] loop
    execute format('alter table log.%I enable row level security', table_name);
    execute format('alter table log.%I force row level security', table_name);
    execute format('create policy log_all on log.%I to botserver_log using (true) with check (true)', table_name);
    execute format(
      'create policy app_tenant on log.%I for select to botserver_app '
      'using (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', table_name);
  end loop;
end
$$;

-- A text or byte string that cannot be mistaken for another when several stand in a row: length ':' bytes ','.
create function log.netstring(bytes bytea) returns bytea
  language sql immutable parallel safe
  return convert_to(length(bytes)::text || ':', 'UTF8') || bytes || '\x2c'::bytea;

-- The leaf of an event in the tamper-evident tree: SHA-256(0x00 || canonical form). Over the stored text, sealed as
-- it is, so that erasing a key breaks no proof. The program computes the same, independently.
create function log.leaf(
  place bigint, epoch integer, event_id uuid, tenant_id uuid, aggregate_type text, aggregate_id text,
  sequence bigint, event_type text, event_version text, recorded_at timestamptz, payload json, metadata json
) returns bytea
  language sql stable parallel safe
  return sha256('\x00'::bytea
    || log.netstring(convert_to(place::text, 'UTF8'))
    || log.netstring(convert_to(epoch::text, 'UTF8'))
    || log.netstring(uuid_send(event_id))
    || log.netstring(uuid_send(tenant_id))
    || log.netstring(convert_to(aggregate_type, 'UTF8'))
    || log.netstring(convert_to(aggregate_id, 'UTF8'))
    || log.netstring(convert_to(sequence::text, 'UTF8'))
    || log.netstring(convert_to(event_type, 'UTF8'))
    || log.netstring(convert_to(event_version, 'UTF8'))
    || log.netstring(convert_to(((extract(epoch from recorded_at) * 1000000)::bigint)::text, 'UTF8'))
    || log.netstring(sha256(convert_to(payload::text, 'UTF8')))
    || log.netstring(sha256(convert_to(metadata::text, 'UTF8'))));

-- Begins the next epoch: waits for every appender, then gives new events the next number. The caller, as
-- botserver_log and in the same transaction, places what the old epoch left over and records the instance.
create function log.begin_epoch(next integer) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  lock table log.events in access exclusive mode;
  execute format('alter table log.events alter column epoch set default %s', next);
end
$$;
revoke execute on function log.begin_epoch(integer) from public;
grant execute on function log.begin_epoch(integer) to botserver_log;
