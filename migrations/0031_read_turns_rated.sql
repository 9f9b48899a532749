-- What people think of replies: the last that was said.

alter table read.turns add column rating text;
alter table read.turns add constraint turns_rating_known check (rating in ('good', 'bad'));

-- A reply of a session by its id.
create index turns_id on read.turns (session_id, id);
