-- Answers to questions for a secret are shown to nobody.

alter table read.turns add column masked boolean not null default false;
