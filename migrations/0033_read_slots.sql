-- Read models in two slots each, so that one can be built beside the one that is read; and read models in shares, so
-- that several processes fold one.
--
-- The tables of a read model stand in the schemas `read_<name>_a` and `read_<name>_b`. Readers and folds name tables
-- without a schema and find them by their search path, which readers take from `read.live_path` in the snapshot they
-- read with: whoever began before a switch reads on where they began.

create table read.slots (
  name text not null,
  slot text not null,
  -- empty; building: filled beside the live one; live: read and kept up to date; kept: was live before the last switch.
  state text not null,
  -- Of the fold that made the rows; null until somebody folds.
  version integer,
  constraint slots_pkey primary key (name, slot),
  constraint slots_slot_known check (slot in ('a', 'b')),
  constraint slots_state_known check (state in ('empty', 'building', 'live', 'kept'))
);
create unique index slots_live on read.slots (name) where state = 'live';

create view read.live_path as
  select string_agg(format('read_%s_%s', name, slot), ', ' order by name) || ', read' as path
    from read.slots where state = 'live';

-- Fills the schema of slot b with the tables of slot a, empty: columns, constraints, policies, rights, indexes.
create function read.copy_tables(model text) returns void
language plpgsql as $$
declare
  from_schema constant text := format('read_%s_a', model);
  to_schema constant text := format('read_%s_b', model);
  part record;
begin
  for part in select c.oid, c.relname from pg_class c
                where c.relnamespace = from_schema::regnamespace and c.relkind = 'r' order by c.relname loop
    execute format('create table %I.%I (like %I.%I including defaults including constraints including storage)',
                   to_schema, part.relname, from_schema, part.relname);
    execute format('alter table %I.%I enable row level security', to_schema, part.relname);
    execute format('alter table %I.%I force row level security', to_schema, part.relname);
    perform read.let_in(to_schema, part.relname);
  end loop;
  for part in select c.conname, r.relname, pg_get_constraintdef(c.oid) as definition
                 from pg_constraint c join pg_class r on r.oid = c.conrelid
                where r.relnamespace = from_schema::regnamespace and c.contype in ('p', 'u') order by c.conname loop
    execute format('alter table %I.%I add constraint %I %s',
                   to_schema, part.relname, part.conname, part.definition);
  end loop;
  perform read.copy_indexes(from_schema, to_schema);
end
$$;

-- Policies and rights of a table of a read model: the projector writes, the app reads one tenant.
create function read.let_in(schema_name text, table_name text) returns void
language plpgsql as $$
begin
  execute format('create policy %I on %I.%I to botserver_projector using (true) with check (true)',
                 table_name || '_projector', schema_name, table_name);
  execute format('create policy %I on %I.%I for select to botserver_app '
                 'using (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)',
                 table_name || '_app', schema_name, table_name);
  execute format('grant select, insert, update, delete on %I.%I to botserver_projector', schema_name, table_name);
  execute format('grant select on %I.%I to botserver_app', schema_name, table_name);
end
$$;

-- Makes the indexes that one schema has and the other lacks, but for those of constraints.
create function read.copy_indexes(from_schema text, to_schema text) returns void
language plpgsql as $$
declare
  definition text;
begin
  for definition in
    select replace(pg_get_indexdef(i.indexrelid), format(' ON %s.', from_schema), format(' ON %s.', to_schema))
      from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = from_schema::regnamespace
       and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
       and not exists (select from pg_class o where o.relnamespace = to_schema::regnamespace and o.relname = c.relname)
     order by c.relname
  loop
    execute definition;
  end loop;
end
$$;

-- For migrations. Gives a read model, whose tables were made in `read`, its two slots.
create function read.give_slots(model text, tables text[]) returns void
language plpgsql as $$
declare
  table_name text;
begin
  execute format('create schema read_%s_a', model);
  execute format('create schema read_%s_b', model);
  execute format('grant usage on schema read_%s_a, read_%s_b to botserver_projector, botserver_app', model, model);
  foreach table_name in array tables loop
    execute format('alter table read.%I set schema read_%s_a', table_name, model);
  end loop;
  perform read.copy_tables(model);
  insert into read.slots (name, slot, state) values (model, 'a', 'live'), (model, 'b', 'empty');
end
$$;

-- For migrations. Executes statements that name a read model's tables without a schema, in both slots.
create function read.in_slots(model text, statements text) returns void
language plpgsql as $$
declare
  slot text;
  path constant text := current_setting('search_path');
begin
  foreach slot in array array['a', 'b'] loop
    perform set_config('search_path', format('read_%s_%s', model, slot), true);
    execute statements;
  end loop;
  perform set_config('search_path', path, true);
end
$$;

-- Empties a slot that nobody reads and takes its indexes away, which are faster made when the rows are there.
create function read.empty_slot(model text, of_slot text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  in_schema constant text := format('read_%s_%s', model, of_slot);
  part record;
begin
  perform from read.slots where name = model and slot = of_slot and state <> 'live' for update;
  if not found then
    raise exception 'slot % of % is read', of_slot, model;
  end if;
  for part in select c.relname, c.relkind from pg_class c
                where c.relnamespace = in_schema::regnamespace
                  and (c.relkind = 'r'
                       or c.relkind = 'i' and not exists (select from pg_constraint k where k.conindid = c.oid)) loop
    if part.relkind = 'r' then
      execute format('truncate %I.%I', in_schema, part.relname);
    else
      execute format('drop index %I.%I', in_schema, part.relname);
    end if;
  end loop;
end
$$;

-- Makes what `empty_slot` took away, and tells the planner what the tables hold.
create function read.index_slot(model text, of_slot text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  in_schema constant text := format('read_%s_%s', model, of_slot);
  table_name text;
begin
  perform read.copy_indexes(format('read_%s_%s', model, case of_slot when 'a' then 'b' else 'a' end), in_schema);
  for table_name in select relname from pg_class
                     where relnamespace = in_schema::regnamespace and relkind = 'r' loop
    execute format('analyze %I.%I', in_schema, table_name);
  end loop;
end
$$;

revoke execute on function read.empty_slot(text, text), read.index_slot(text, text) from public;
grant execute on function read.empty_slot(text, text), read.index_slot(text, text) to botserver_projector;
grant select, update on read.slots to botserver_projector;
grant select on read.slots to botserver_app;
grant select on read.live_path to botserver_app, botserver_projector;

select read.give_slots('organisation', array['organisations']);
select read.give_slots('user', array['users']);
select read.give_slots('bot', array['bots']);
select read.give_slots('session', array['sessions']);
select read.give_slots('file', array['files']);
select read.give_slots('conversation', array['conversations', 'turns']);
select read.give_slots('run', array['runs']);

-- Processes that fold. Who falls silent loses its shares to the others.
create table read.members (
  owner uuid not null,
  -- Takes part in sharing; false of one that only builds.
  folds boolean not null,
  alive_until timestamptz not null,
  constraint members_pkey primary key (owner)
) with (fillfactor = 50);
grant select, insert, update, delete on read.members to botserver_projector;
grant select on read.members to botserver_app;

-- Each time a share changes hands it gets another one, so that no number comes twice.
create sequence read.lease_epochs;
grant usage on sequence read.lease_epochs to botserver_projector;

-- How far each share of a slot is folded: the slices from `slice_from` to before `slice_to`. The shares of a slot cover
-- all 1,024 slices. Rows and position move in one transaction, which names the lease epoch and the position it started
-- from: a process that lost the share changes nothing.
create table read.shares (
  name text not null,
  slot text not null,
  slice_from smallint not null,
  slice_to smallint not null,
  position bigint not null,
  -- Null when nobody has it.
  lease_owner uuid,
  lease_epoch bigint not null,
  updated_at timestamptz not null default clock_timestamp(),
  -- What stopped it: error, attempts, at. No personal data. Null while all is well.
  failure jsonb,
  constraint shares_pkey primary key (name, slot, slice_from),
  constraint shares_slot foreign key (name, slot) references read.slots,
  constraint shares_range check (0 <= slice_from and slice_from < slice_to and slice_to <= 1024),
  constraint shares_position_positive check (position >= 0)
) with (fillfactor = 50);
grant select, insert, update, delete on read.shares to botserver_projector;
grant select on read.shares to botserver_app;

update read.slots s set version = c.version from read.checkpoints c where c.name = s.name and s.state = 'live';
insert into read.shares (name, slot, slice_from, slice_to, position, lease_epoch, updated_at, failure)
  select name, 'a', 0, 1024, position, nextval('read.lease_epochs'), updated_at, failure from read.checkpoints;
insert into read.shares (name, slot, slice_from, slice_to, position, lease_epoch)
  select name, 'a', 0, 1024, 0, nextval('read.lease_epochs') from read.slots s
   where s.slot = 'a' and not exists (select from read.checkpoints c where c.name = s.name);
drop table read.checkpoints;

-- What waits belongs to the slot whose rows lack it, and to whoever has the slice of its key.
alter table read.parked add column slot text not null default 'a';
alter table read.parked alter column slot drop default;
alter table read.parked add column slice smallint;
update read.parked set slice =
  (get_byte(sha256(convert_to(ordering_key, 'UTF8')), 0) << 2) | (get_byte(sha256(convert_to(ordering_key, 'UTF8')), 1) >> 6);
alter table read.parked alter column slice set not null;
alter table read.parked drop constraint parked_pkey;
alter table read.parked add constraint parked_pkey primary key (name, slot, ordering_key, position);

-- What rebuilds found, for good.
create table read.certificates (
  id uuid not null,
  name text not null,
  issued_at timestamptz not null default clock_timestamp(),
  -- Where both were compared.
  position bigint not null,
  from_version integer,
  to_version integer not null,
  -- By table: rows and digest of the live ones and of those built, and how many differ.
  tables jsonb not null,
  equal boolean not null,
  -- When the built rows became the live ones; null when they did not.
  switched_at timestamptz,
  constraint certificates_pkey primary key (id)
);
create index certificates_issued on read.certificates (name, issued_at desc);
grant select, insert, update on read.certificates to botserver_projector;
