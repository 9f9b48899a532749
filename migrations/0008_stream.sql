-- The stream to Kafka: who relays, and where histories parted. How far it is stands in Kafka, within the transaction
-- that sent it; the position here is a mirror for whoever looks.

create table log.relays (
  -- Prefix of the topics.
  name text collate "C" not null,
  lease_owner uuid,
  lease_until timestamptz not null,
  position bigint not null default 0,
  -- When the position last moved.
  relayed_at timestamptz,
  -- What stopped it; null while all is well. Never quotes data.
  failure json,
  constraint relays_pkey primary key (name)
);

-- Forks: Kafka held what this log does not have, since the database was put back to an older state. What was relayed
-- after `position` under an epoch before `epoch` is void.
create table log.forks (
  name text collate "C" not null,
  epoch integer not null,
  -- The last that both have.
  position bigint not null,
  -- The last that Kafka had.
  abandoned bigint not null,
  found_at timestamptz not null default clock_timestamp(),
  constraint forks_pkey primary key (name, epoch)
);

grant select, insert, update on log.relays to botserver_log;
grant select, insert on log.forks to botserver_log;
grant select on log.relays, log.forks, log.instances to botserver_projector, botserver_app;
