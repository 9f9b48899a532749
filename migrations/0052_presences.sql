-- Which sessions have sockets, by the process that holds them. Nothing of it outlives a crash, nor need it: whoever was
-- forgotten tells everything again.
create unlogged table app.edges (
  owner uuid not null,
  alive_until timestamptz not null,
  constraint edges_pkey primary key (owner)
);
create unlogged table app.presences (
  owner uuid not null,
  session_id uuid not null,
  sockets integer not null,
  constraint presences_pkey primary key (owner, session_id),
  constraint presences_owner_fkey foreign key (owner) references app.edges (owner) on delete cascade,
  constraint presences_sockets_check check (sockets > 0)
);
create index presences_session_id_idx on app.presences (session_id);
grant select, insert, update, delete on app.edges, app.presences to botserver_projector;
