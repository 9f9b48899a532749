-- Keys that seal personal values. Each is wrapped by the master key, which is never in the database; what a value
-- is sealed with is derived from both: erasing a subject's key erases a person, dropping a class key lets a
-- class of data expire for everybody. Only botserver_keys reads here.

-- Which master key wraps this schema: its fingerprint, so that another one is told at once.
create table keys.masters (
  id integer not null,
  fingerprint bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint masters_pkey primary key (id),
  constraint masters_single check (id = 1)
);

-- An erased key keeps its row: it tells "erased" from "altered", and keeps the subject from being given a new key
-- by the next append. A subject who comes back is readmitted under the next incarnation.
create table keys.subject_keys (
  tenant_id uuid not null,
  subject uuid not null,
  incarnation integer not null,
  wrapped bytea,
  created_at timestamptz not null default clock_timestamp(),
  erased_at timestamptz,
  constraint subject_keys_pkey primary key (tenant_id, subject, incarnation),
  constraint subject_keys_erased_or_wrapped check ((wrapped is null) = (erased_at is not null))
);

create table keys.class_keys (
  tenant_id uuid not null,
  class text not null,
  month text not null,
  wrapped bytea,
  created_at timestamptz not null default clock_timestamp(),
  erased_at timestamptz,
  constraint class_keys_pkey primary key (tenant_id, class, month),
  constraint class_keys_month check (month ~ '^\d{4}-\d{2}$'),
  constraint class_keys_erased_or_wrapped check ((wrapped is null) = (erased_at is not null))
);

alter table keys.subject_keys enable row level security;
alter table keys.subject_keys force row level security;
create policy keys_all on keys.subject_keys to botserver_keys using (true) with check (true);
alter table keys.class_keys enable row level security;
alter table keys.class_keys force row level security;
create policy keys_all on keys.class_keys to botserver_keys using (true) with check (true);

grant select, insert on keys.masters to botserver_keys;
grant select, insert, update on keys.subject_keys, keys.class_keys to botserver_keys;
