-- Roles and schemas. What each role may touch is decided here and in the file that creates the table.
--
--   botserver_owner      migrations only; owns every object
--   botserver_log        append, sequencer, feed: the schema `log`, of all tenants
--   botserver_projector  read models and checkpoints: the schema `read`, of all tenants
--   botserver_keys       the schema `keys`
--   botserver_app        everything that serves a request: one tenant per transaction, named by `app.tenant`
--
-- Roles belong to the cluster, so a second database of it finds them here already.

do $$
declare
  role_name text;
begin
  foreach role_name in array array[
    'botserver_owner', 'botserver_log', 'botserver_projector', 'botserver_keys', 'botserver_app'
  ] loop
    begin
      execute format('create role %I login nosuperuser nobypassrls nocreatedb', role_name);
    exception when duplicate_object or unique_violation then
      null;
    end;
  end loop;
end
$$;

-- The functions that run with the rights of botserver_log are handed over to it, which only a member may do.
do $$
begin
  if current_user <> 'botserver_log' and not pg_has_role(current_user, 'botserver_log', 'member') then
    execute format('grant botserver_log to %I', current_user);
  end if;
end
$$;

revoke create on schema public from public;

create schema if not exists log;
create schema if not exists keys;
create schema if not exists app;
create schema if not exists read;

grant usage on schema log to botserver_log, botserver_projector, botserver_app;
grant usage on schema keys to botserver_keys;
grant usage on schema app to botserver_app, botserver_projector;
grant usage on schema read to botserver_app, botserver_projector;
