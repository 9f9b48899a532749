-- Live reads go on from a place in the log: which sessions changed since.

create index sessions_changed on read.sessions (tenant_id, position);
