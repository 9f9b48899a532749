-- What is wrong with files of a package that are no scripts.

-- Null, with scripts and profile, until a package was loaded.
alter table read.bots add column findings jsonb;

-- Packages loaded before had none; the rows are folded again all the same.
update read.bots set findings = '[]' where package_digest is not null;
