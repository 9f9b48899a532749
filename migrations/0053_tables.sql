-- The tables that bots declare. Each bot has a schema of its own, in which the application role makes them; what they are
-- stands here. A row of theirs says whose data it holds, in its column "__subject".
create table app.tables (
  tenant_id uuid not null,
  bot_id uuid not null,
  name text not null,
  definition jsonb not null,
  changed_at timestamptz not null default clock_timestamp(),
  constraint tables_pkey primary key (tenant_id, bot_id, name)
);

alter table app.tables enable row level security;
alter table app.tables force row level security;
create policy tables_tenant on app.tables to botserver_app
  using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
grant select, insert, update, delete on app.tables to botserver_app;

-- Opens a bot's schema. Only this makes schemas, so that the application role may not.
create function app.open_tables(bot uuid) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  schema_name constant text := 'bot_' || replace(bot::text, '-', '');
begin
  if nullif(current_setting('app.tenant', true), '') is null then
    raise exception 'no tenant is named';
  end if;
  if not exists (select from pg_namespace where nspname = schema_name) then
    execute format('create schema %I', schema_name);
    execute format('grant usage, create on schema %I to botserver_app', schema_name);
  end if;
end
$$;
revoke all on function app.open_tables(uuid) from public;
grant execute on function app.open_tables(uuid) to botserver_app;
