-- The leaf once more, with the same bytes: `log.netstring` is not drawn into the expression but called, twelve times an
-- event, which was most of what a step of the sequencer costs. Here the texts between two byte strings are joined as
-- one text; their lengths are those of the database's encoding, which is UTF8. An id has 16 bytes, a SHA-256 has 32:
-- `,16:` and `,32:` are the netstrings' own commas and lengths.
create or replace function log.leaf(
  place bigint, epoch integer, event_id uuid, tenant_id uuid, aggregate_type text, aggregate_id text,
  sequence bigint, event_type text, event_version text, recorded_at timestamptz, payload json, metadata json
) returns bytea
  language sql stable parallel safe
  return sha256('\x00'::bytea
    || convert_to(octet_length(place::text) || ':' || place::text
      || ',' || octet_length(epoch::text) || ':' || epoch::text || ',16:', 'UTF8')
    || uuid_send(event_id) || convert_to(',16:', 'UTF8') || uuid_send(tenant_id)
    || convert_to(',' || octet_length(aggregate_type) || ':' || aggregate_type
      || ',' || octet_length(aggregate_id) || ':' || aggregate_id
      || ',' || octet_length(sequence::text) || ':' || sequence::text
      || ',' || octet_length(event_type) || ':' || event_type
      || ',' || octet_length(event_version) || ':' || event_version
      || ',' || octet_length(((extract(epoch from recorded_at) * 1000000)::bigint)::text)
      || ':' || ((extract(epoch from recorded_at) * 1000000)::bigint)::text || ',32:', 'UTF8')
    || sha256(convert_to(payload::text, 'UTF8')) || convert_to(',32:', 'UTF8')
    || sha256(convert_to(metadata::text, 'UTF8')) || convert_to(',', 'UTF8'));
drop function log.netstring(bytea);
