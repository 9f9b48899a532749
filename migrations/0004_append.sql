-- Append: a batch of commands, at most one of a stream, of a command id and of a claim's key each (the caller puts the
-- others into a following batch), answered one by one. A command is stored whole or leaves nothing behind, and never
-- spoils another of the batch.
--
-- The gates are receipt, claims, head, events; each is fed by what the last let through. Rows are taken in one
-- order everywhere (gate by gate, sorted by key within a gate), so two batches cannot wait for each other.
-- READ COMMITTED is assumed: each statement sees what was committed while the one before it waited.
--
-- Every look into a table is by its whole key, one row at a time or by a scalar subquery, never a join with the arrays:
-- the plans are made while the tables are empty and kept while they grow. Without the settings each statement would be
-- planned anew at each call, since the planner sees how short the arrays are; that costs more than running them. And
-- compiling a plan that runs for a millisecond takes a second.

create function log.append(
  -- by command
  tenants uuid[], types text[], ids text[], expected bigint[], leases bigint[], command_ids uuid[],
  digests bytea[], ordering_keys text[], slices smallint[], metadata_texts text[], answers text[], counts integer[],
  -- by event, in the order of the commands: command it belongs to, its number within it, and itself
  event_of integer[], event_nth integer[], event_ids uuid[], event_types text[], event_versions text[], payloads text[],
  -- by claim: whoever leaves it (release), whoever takes it, or both (handed over)
  claim_of integer[], claim_kinds text[], claim_hashes bytea[], claim_leavers text[], claim_takers text[]
) returns table (
  ordinal integer, outcome text, first_sequence bigint, last_sequence bigint, epoch integer, slice smallint,
  seq_no bigint, answer text, version bigint, lease_epoch bigint, claim_kind text, claim_owner text,
  first_event_id uuid
)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  commands constant integer := cardinality(types);
  live integer[];          -- commands that every gate so far let through
  refused integer[];       -- commands that the present gate refuses
  candidates integer[];
  fresh_claims integer[] := '{}';
  made_ids uuid[];
  made_types text[];
  made_texts text[];
  made_hashes bytea[];
  outcomes text[] := array_fill('stored'::text, array[commands]);
  after bigint[] := array_fill(null::bigint, array[commands]);      -- version of the stream, its events included
  seqs bigint[] := array_fill(0::bigint, array[commands]);
  leases_seen bigint[] := array_fill(null::bigint, array[commands]);
  kinds text[] := array_fill(null::text, array[commands]);
  owners text[] := array_fill(null::text, array[commands]);
  current_epoch integer;
  written bigint[];
  upto integer := 0;
  found_row record;
  i integer;
  k integer;
begin
  -- What the insert of the events would take anyway; taken first, it holds the epoch still.
  lock table log.events in row exclusive mode;
  select max(n.epoch) into current_epoch from log.instances n;
  select array_agg(g order by g) into live from generate_series(1, commands) g;

  -- Receipts. A command id that is in flight elsewhere is waited for here.
  select array_agg(g order by tenants[g], command_ids[g]) into candidates
    from unnest(live) g where command_ids[g] is not null;
  if candidates is not null then
    with made as (
      insert into log.receipts as r
        (tenant_id, command_id, digest, aggregate_type, aggregate_id, slice, epoch, event_count, answer)
      select tenants[g], command_ids[g], digests[g], types[g], ids[g], slices[g], current_epoch, counts[g],
             answers[g]::json
        from unnest(candidates) with ordinality as c(g, rank) order by rank
      on conflict do nothing
      returning r.tenant_id, r.command_id
    )
    select array_agg(m.tenant_id || '/' || m.command_id) into made_texts from made m;
    if coalesce(cardinality(made_texts), 0) < cardinality(candidates) then
      select array_agg(g) into refused from unnest(candidates) g
        where (tenants[g] || '/' || command_ids[g]) <> all (coalesce(made_texts, '{}'));
      for found_row in
        select g, (select r.digest = digests[g] from log.receipts r
                    where r.tenant_id = tenants[g] and r.command_id = command_ids[g]) as same
          from unnest(refused) g
      loop
        if found_row.same is null then
          raise exception 'receipt withdrawn while it was asked for' using errcode = 'serialization_failure';
        end if;
        outcomes[found_row.g] := case when found_row.same then 'duplicate' else 'mismatch' end;
      end loop;
      select array_agg(g order by g) into live from unnest(live) g where g <> all (refused);
    end if;
  end if;

  -- Claims. Taking what is free inserts; what is held passes for its holder, and for whom the holder hands it to.
  select array_agg(k order by tenants[claim_of[k]], claim_kinds[k], claim_hashes[k]) into candidates
    from generate_series(1, cardinality(claim_of)) k
    where claim_takers[k] is not null and claim_of[k] = any (live);
  if candidates is not null then
    with made as (
      insert into log.claims as c (tenant_id, kind, key_hash, owner, aggregate_type, aggregate_id)
      select tenants[claim_of[k]], claim_kinds[k], claim_hashes[k], claim_takers[k], types[claim_of[k]], ids[claim_of[k]]
        from unnest(candidates) with ordinality as t(k, rank) order by rank
      on conflict do nothing
      returning c.tenant_id, c.kind, c.key_hash
    )
    select array_agg(m.tenant_id), array_agg(m.kind), array_agg(m.key_hash)
      into made_ids, made_types, made_hashes from made m;
    if coalesce(cardinality(made_ids), 0) = cardinality(candidates) then
      fresh_claims := candidates;
    else
      select coalesce(array_agg(k), '{}') into fresh_claims from unnest(candidates) k
        where exists (select from unnest(made_ids, made_types, made_hashes) as m(tenant, kind, hash)
          where m.tenant = tenants[claim_of[k]] and m.kind = claim_kinds[k] and m.hash = claim_hashes[k]);
      refused := '{}';
      for found_row in
        select k, claim_of[k] as g,
               (select c.owner from log.claims c where c.tenant_id = tenants[claim_of[k]]
                   and c.kind = claim_kinds[k] and c.key_hash = claim_hashes[k]) as owner
          from unnest(candidates) k where k <> all (fresh_claims) order by k
      loop
        if found_row.owner is null then
          raise exception 'claim released while it was asked for' using errcode = 'serialization_failure';
        end if;
        if found_row.owner <> claim_takers[found_row.k]
           and found_row.owner is distinct from claim_leavers[found_row.k]
           and found_row.g <> all (refused) then
          refused := refused || found_row.g;
          outcomes[found_row.g] := 'taken';
          kinds[found_row.g] := claim_kinds[found_row.k];
          owners[found_row.g] := found_row.owner;
        end if;
      end loop;
      perform log.withdraw(refused, tenants, command_ids, fresh_claims, claim_of, claim_kinds, claim_hashes);
      select array_agg(g order by g) into live from unnest(live) g where g <> all (refused);
    end if;
  end if;

  -- Heads of new streams. Whoever loses the race to make one is measured against it below.
  select array_agg(g order by types[g], ids[g]) into candidates from unnest(live) g
    where coalesce(expected[g], 0) = 0 and counts[g] > 0
      and (select true from log.heads h where h.aggregate_type = types[g] and h.aggregate_id = ids[g]) is null;
  if candidates is not null then
    with made as (
      insert into log.heads as h (aggregate_type, aggregate_id, tenant_id, version, lease_epoch)
      select types[g], ids[g], tenants[g], counts[g], coalesce(leases[g], 0)
        from unnest(candidates) with ordinality as c(g, rank) order by rank
      on conflict do nothing
      returning h.aggregate_type, h.aggregate_id
    )
    select array_agg(m.aggregate_type), array_agg(m.aggregate_id) into made_types, made_texts from made m;
    if coalesce(cardinality(made_types), 0) < cardinality(candidates) then
      select coalesce(array_agg(g), '{}') into candidates from unnest(candidates) g
        where exists (select from unnest(made_types, made_texts) as m(type, id)
          where m.type = types[g] and m.id = ids[g]);
    end if;
    foreach i in array candidates loop
      after[i] := counts[i];
    end loop;
  end if;

  -- Heads of streams that exist, in order: whoever holds one is waited for, then it is measured as it is by now.
  refused := '{}';
  for i in select g from unnest(live) g where after[g] is null order by types[g], ids[g] loop
    update log.heads h
      set version = h.version + counts[i], lease_epoch = greatest(h.lease_epoch, leases[i])
      where h.aggregate_type = types[i] and h.aggregate_id = ids[i] and h.tenant_id = tenants[i]
        and (expected[i] is null or h.version = expected[i])
        and (leases[i] is null or h.lease_epoch <= leases[i])
      returning h.version into found_row;
    if found then
      after[i] := found_row.version;
      continue;
    end if;
    select h.version, h.lease_epoch, h.tenant_id = tenants[i] as ours into found_row
      from log.heads h where h.aggregate_type = types[i] and h.aggregate_id = ids[i];
    if not found and counts[i] = 0 and coalesce(expected[i], 0) = 0 then
      after[i] := 0; -- nothing to store in a stream that does not exist
    else
      refused := refused || i;
      if found_row.ours and found_row.lease_epoch > leases[i] then
        outcomes[i] := 'fenced';
        leases_seen[i] := found_row.lease_epoch;
      else
        outcomes[i] := 'conflict';
        after[i] := case when found_row.ours then found_row.version else 0 end;
      end if;
    end if;
  end loop;
  if cardinality(refused) > 0 then
    perform log.withdraw(refused, tenants, command_ids, fresh_claims, claim_of, claim_kinds, claim_hashes);
    select array_agg(g order by g) into live from unnest(live) g where g <> all (refused);
  end if;

  -- Events, in the order given: the identity follows it.
  with made as (
    insert into log.events as e
      (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, event_id, tenant_id,
       ordering_key, slice, command_id)
    select types[n.g], ids[n.g], after[n.g] - counts[n.g] + n.nth, n.type, n.version, n.payload::json,
           metadata_texts[n.g]::json, n.id, tenants[n.g], ordering_keys[n.g], slices[n.g], command_ids[n.g]
      from unnest(event_of, event_nth, event_ids, event_types, event_versions, payloads)
        with ordinality as n(g, nth, id, type, version, payload, rank)
      where outcomes[n.g] = 'stored' order by rank
    returning e.seq_no
  )
  select array_agg(m.seq_no order by m.seq_no) into written from made m;

  -- Numbers rise with the rank, so the last event of a command is found by counting.
  foreach i in array coalesce(live, '{}') loop
    if counts[i] > 0 then
      upto := upto + counts[i];
      seqs[i] := written[upto];
    elsif after[i] > 0 then
      seqs[i] := (select e.seq_no from log.events e
        where e.aggregate_type = types[i] and e.aggregate_id = ids[i] and e.sequence = after[i]);
    end if;
    if counts[i] = 0 and command_ids[i] is not null then
      update log.receipts r set version = after[i], seq_no = seqs[i]
        where r.tenant_id = tenants[i] and r.command_id = command_ids[i];
    end if;
  end loop;

  -- Releases and handings over, of stored commands only, in order.
  for k in
    select n from generate_series(1, cardinality(claim_of)) n
      where claim_leavers[n] is not null and n <> all (fresh_claims) and claim_of[n] = any (live)
      order by tenants[claim_of[n]], claim_kinds[n], claim_hashes[n]
  loop
    i := claim_of[k];
    if claim_takers[k] is null then
      delete from log.claims c
        where c.tenant_id = tenants[i] and c.kind = claim_kinds[k] and c.key_hash = claim_hashes[k]
          and c.owner = claim_leavers[k];
    else
      update log.claims c
        set owner = claim_takers[k], aggregate_type = types[i], aggregate_id = ids[i]
        where c.tenant_id = tenants[i] and c.kind = claim_kinds[k] and c.key_hash = claim_hashes[k]
          and c.owner in (claim_leavers[k], claim_takers[k]);
      if not found then
        raise exception 'claim changed hands while it was handed over' using errcode = 'serialization_failure';
      end if;
    end if;
  end loop;

  return query
    select g,
           outcomes[g],
           case outcomes[g] when 'stored' then after[g] - counts[g] + 1 else d.first_sequence end,
           case outcomes[g] when 'stored' then after[g] else d.last_sequence end,
           case outcomes[g] when 'stored' then current_epoch else d.epoch end,
           case outcomes[g] when 'stored' then slices[g] else d.slice end,
           case outcomes[g] when 'stored' then seqs[g] else d.seq_no end,
           d.answer, after[g], leases_seen[g], kinds[g], owners[g], d.first_event_id
      from generate_series(1, commands) g
      left join lateral (select * from log.stored_before(tenants[g], command_ids[g]) b
        where outcomes[g] = 'duplicate' offset 0) d on true
      order by g;
end
$$;

-- Removes what refused commands left: their receipts and the claims they had just taken.
create function log.withdraw(
  refused integer[], tenants uuid[], command_ids uuid[],
  fresh_claims integer[], claim_of integer[], claim_kinds text[], claim_hashes bytea[]
) returns void language plpgsql as $$
declare
  i integer;
  k integer;
begin
  foreach i in array refused loop
    delete from log.receipts r where r.tenant_id = tenants[i] and r.command_id = command_ids[i];
  end loop;
  foreach k in array fresh_claims loop
    if claim_of[k] = any (refused) then
      delete from log.claims c
        where c.tenant_id = tenants[claim_of[k]] and c.kind = claim_kinds[k] and c.key_hash = claim_hashes[k];
    end if;
  end loop;
end
$$;

-- What a command id stored, by its receipt and the events of its transaction. At most one row; none without receipt.
create function log.stored_before(tenant uuid, command uuid) returns table (
  digest bytea, first_sequence bigint, last_sequence bigint, epoch integer, slice smallint, seq_no bigint,
  answer text, first_event_id uuid
)
language sql stable rows 1
set enable_seqscan = off
set jit = off
begin atomic
  select r.digest,
         coalesce(r.version + 1, s.first_sequence), coalesce(r.version, s.last_sequence),
         r.epoch, r.slice, coalesce(r.seq_no, s.seq_no), r.answer::text, s.first_event_id
    from log.receipts r
    cross join lateral (
      select min(e.sequence) as first_sequence, max(e.sequence) as last_sequence, max(e.seq_no) as seq_no,
             (array_agg(e.event_id order by e.seq_no))[1] as first_event_id
        from log.events e
        where e.epoch = r.epoch and e.tx_id = r.tx_id
          and e.command_id = r.command_id and e.tenant_id = r.tenant_id
    ) s
    where r.tenant_id = tenant and r.command_id = command;
end;

-- The append that joins a transaction of botserver_app: one command, of the tenant that the transaction names.
create function log.append_joined(
  stream_type text, stream_id text, expected_version bigint, lease bigint, command uuid,
  digest bytea, ordering_key text, stream_slice smallint, metadata_text text, given_answer text, event_count integer,
  event_of integer[], event_nth integer[], event_ids uuid[], event_types text[], event_versions text[], payloads text[],
  claim_of integer[], claim_kinds text[], claim_hashes bytea[], claim_leavers text[], claim_takers text[]
) returns table (
  ordinal integer, outcome text, first_sequence bigint, last_sequence bigint, epoch integer, slice smallint,
  seq_no bigint, answer text, version bigint, lease_epoch bigint, claim_kind text, claim_owner text,
  first_event_id uuid
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  tenant constant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
begin
  if tenant is null then
    raise exception 'no tenant is set for this transaction' using errcode = 'insufficient_privilege';
  end if;
  return query select * from log.append(
    array[tenant], array[stream_type], array[stream_id], array[expected_version], array[lease], array[command],
    array[digest], array[ordering_key], array[stream_slice], array[metadata_text], array[given_answer],
    array[event_count],
    event_of, event_nth, event_ids, event_types, event_versions, payloads,
    claim_of, claim_kinds, claim_hashes, claim_leavers, claim_takers);
end
$$;

-- Handed over to botserver_log, whose rights the joined append runs with; only for the moment of it may that role create.
grant create on schema log to botserver_log;
alter function log.append_joined(
  text, text, bigint, bigint, uuid, bytea, text, smallint, text, text, integer, integer[], integer[], uuid[], text[],
  text[], text[], integer[], text[], bytea[], text[], text[]) owner to botserver_log;
revoke create on schema log from botserver_log;

revoke execute on all functions in schema log from public;
grant execute on all functions in schema log to botserver_log;
grant execute on function log.append_joined(
  text, text, bigint, bigint, uuid, bytea, text, smallint, text, text, integer, integer[], integer[], uuid[], text[],
  text[], text[], integer[], text[], bytea[], text[], text[]) to botserver_app;
grant execute on function log.stored_before(uuid, uuid) to botserver_app;
