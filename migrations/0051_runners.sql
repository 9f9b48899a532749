-- The processes that run scripts. Each conversation is one's of them: which one follows from who is there.
create table app.runners (
  owner uuid not null,
  alive_until timestamptz not null,
  constraint runners_pkey primary key (owner)
);
grant select, insert, update, delete on app.runners to botserver_projector;
