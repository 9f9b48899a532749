-- Append once more, with the same answers for less work: a gate is one statement for the whole batch, and what is not the
-- usual case is looked at only where it occurs.
--
-- Every look into a table is still by its whole key. The joins with the batch's arrays are loops over an index, because
-- the other kinds of join are switched off: plans are made while the tables are empty and kept while they grow. Whoever
-- appends says so, with the other settings, once for its connection; said here they would be changed at each call. Only
-- the joined append, which comes over connections that do other things too, says them itself.
--
-- Gates stand in the order receipts, claims, heads that exist, heads that are new, events, each sorted by key, so two
-- batches cannot wait for each other. The one exception is a stream that two begin at once: the loser waits for its head
-- after the others, and PostgreSQL ends one of two that wait so, which is then tried again by itself.

-- A receipt knows the epoch as an event does: by a default that `log.begin_epoch` replaces. So an append need not ask.
do $$
begin
  execute format('alter table log.receipts alter column epoch set default %s',
                 (select max(n.epoch) from log.instances n));
end
$$;

-- Receipts are locked first, as by every append.
create or replace function log.begin_epoch(next integer) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  lock table log.receipts in access exclusive mode;
  lock table log.events in access exclusive mode;
  execute format('alter table log.receipts alter column epoch set default %s', next);
  execute format('alter table log.events alter column epoch set default %s', next);
end
$$;

create or replace function log.append(
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
as $$
#variable_conflict use_column
declare
  commands constant integer := cardinality(types);
  live integer[];          -- commands that every gate so far let through
  refused integer[];       -- commands that the present gate refuses
  candidates integer[];
  fresh_claims integer[] := '{}';
  made_count integer;
  made_tenants uuid[];
  made_ids uuid[];
  made_types text[];
  made_texts text[];
  made_hashes bytea[];
  passed integer[];
  versions bigint[];
  outcomes text[];         -- of refused commands; null where all is stored
  after bigint[];          -- version of the stream, its events included
  seqs bigint[];
  leases_seen bigint[];
  kinds text[];
  owners text[];
  current_epoch integer;
  written bigint[];
  upto integer := 0;
  found_row record;
  i integer;
  k integer;
begin
  -- Receipts. A command id that is in flight elsewhere is waited for here.
  with made as (
    insert into log.receipts as r
      (tenant_id, command_id, digest, aggregate_type, aggregate_id, slice, event_count, answer)
    select n.tenant, n.command, n.digest, n.type, n.id, n.slice, n.events, n.answer::json
      from unnest(tenants, command_ids, digests, types, ids, slices, counts, answers)
        as n(tenant, command, digest, type, id, slice, events, answer)
     where n.command is not null
     order by n.tenant, n.command
    on conflict do nothing
    returning r.tenant_id, r.command_id, r.epoch
  )
  select count(*), max(m.epoch), array_agg(m.tenant_id), array_agg(m.command_id)
    into made_count, current_epoch, made_tenants, made_ids from made m;
  if made_count < commands then
    select array_agg(g) into refused from generate_series(1, commands) g
      where command_ids[g] is not null and not exists (
        select from unnest(made_tenants, made_ids) as m(tenant, command)
         where m.tenant = tenants[g] and m.command = command_ids[g]);
    foreach i in array coalesce(refused, '{}') loop
      select r.digest = digests[i] as same into found_row from log.receipts r
        where r.tenant_id = tenants[i] and r.command_id = command_ids[i];
      if not found then
        raise exception 'receipt withdrawn while it was asked for' using errcode = 'serialization_failure';
      end if;
      outcomes[i] := case when found_row.same then 'duplicate' else 'mismatch' end;
    end loop;
  end if;
  select array_agg(g order by g) into live from generate_series(1, commands) g
    where refused is null or g <> all (refused);

  -- Claims. Taking what is free inserts; what is held passes for its holder, and for whom the holder hands it to.
  candidates := null;
  if cardinality(claim_of) > 0 and live is not null then
    select array_agg(k order by tenants[claim_of[k]], claim_kinds[k], claim_hashes[k]) into candidates
      from generate_series(1, cardinality(claim_of)) k
      where claim_takers[k] is not null and claim_of[k] = any (live);
  end if;
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

  -- Heads of streams that exist: whoever holds one is waited for, then it is measured as it is by then.
  with asked as materialized (
    select g, types[g] as type, ids[g] as id, tenants[g] as tenant, expected[g] as version, leases[g] as lease,
           counts[g] as events
      from unnest(live) g order by types[g] collate "C", ids[g] collate "C"
  ), admitted as (
    update log.heads h
       set version = h.version + a.events, lease_epoch = greatest(h.lease_epoch, a.lease)
      from asked a
     where h.aggregate_type = a.type and h.aggregate_id = a.id and h.tenant_id = a.tenant
       and (a.version is null or h.version = a.version)
       and (a.lease is null or h.lease_epoch <= a.lease)
    returning a.g, h.version
  )
  select array_agg(d.g), array_agg(d.version) into passed, versions from admitted d;
  for k in 1 .. coalesce(cardinality(passed), 0) loop
    after[passed[k]] := versions[k];
  end loop;

  if coalesce(cardinality(passed), 0) < cardinality(live) then
    -- Heads of new streams.
    select array_agg(g order by types[g] collate "C", ids[g] collate "C") into candidates from unnest(live) g
      where after[g] is null and coalesce(expected[g], 0) = 0 and counts[g] > 0;
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

    -- What is left was begun or changed by somebody else since, or is refused.
    refused := '{}';
    for i in select g from unnest(live) g where after[g] is null order by types[g] collate "C", ids[g] collate "C" loop
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
        continue;
      end if;
      refused := refused || i;
      if found_row.ours and found_row.lease_epoch > leases[i] then
        outcomes[i] := 'fenced';
        leases_seen[i] := found_row.lease_epoch;
      else
        outcomes[i] := 'conflict';
        after[i] := case when found_row.ours then found_row.version else 0 end;
      end if;
    end loop;
    if cardinality(refused) > 0 then
      perform log.withdraw(refused, tenants, command_ids, fresh_claims, claim_of, claim_kinds, claim_hashes);
      select array_agg(g order by g) into live from unnest(live) g where g <> all (refused);
    end if;
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
      where outcomes[n.g] is null order by rank
    returning e.seq_no, e.epoch
  )
  select array_agg(m.seq_no order by m.seq_no), coalesce(max(m.epoch), current_epoch)
    into written, current_epoch from made m;

  -- Numbers rise with the rank, so the last event of a command is found by counting.
  foreach i in array coalesce(live, '{}') loop
    if counts[i] > 0 then
      upto := upto + counts[i];
      seqs[i] := written[upto];
    else
      seqs[i] := coalesce((select e.seq_no from log.events e
        where e.aggregate_type = types[i] and e.aggregate_id = ids[i] and e.sequence = after[i]), 0);
      if command_ids[i] is not null then
        update log.receipts r set version = after[i], seq_no = seqs[i]
          where r.tenant_id = tenants[i] and r.command_id = command_ids[i];
      end if;
    end if;
  end loop;

  -- Releases and handings over, of stored commands only, in order.
  if cardinality(claim_of) > 0 then
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
  end if;

  if current_epoch is null then
    select max(n.epoch) into current_epoch from log.instances n;
  end if;
  if outcomes is null then
    return query
      select g, 'stored'::text, after[g] - counts[g] + 1, after[g], current_epoch, slices[g], seqs[g],
             null::text, after[g], null::bigint, null::text, null::text, null::uuid
        from generate_series(1, commands) g;
    return;
  end if;
  return query
    select g,
           coalesce(outcomes[g], 'stored'),
           case when outcomes[g] is null then after[g] - counts[g] + 1 else d.first_sequence end,
           case when outcomes[g] is null then after[g] else d.last_sequence end,
           case when outcomes[g] is null then current_epoch else d.epoch end,
           case when outcomes[g] is null then slices[g] else d.slice end,
           case when outcomes[g] is null then seqs[g] else d.seq_no end,
           d.answer, after[g], leases_seen[g], kinds[g], owners[g], d.first_event_id
      from generate_series(1, commands) g
      left join lateral (select * from log.stored_before(tenants[g], command_ids[g]) b
        where outcomes[g] = 'duplicate' offset 0) d on true
      order by g;
end
$$;

alter function log.append_joined(
  text, text, bigint, bigint, uuid, bytea, text, smallint, text, text, integer, integer[], integer[], uuid[], text[],
  text[], text[], integer[], text[], bytea[], text[], text[])
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set jit = off;
