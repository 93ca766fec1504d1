-- The tokens that were made with one, wherever it stands in their lines, in the order in which they were made: an index for each
-- place in a line. (One of all places is in no order: a page of a long line reads all of it.) Few lines are longer than one.
create index tokens_by_line_1 on vault.tokens ((line[1]), place) where line[1] is not null;
create index tokens_by_line_2 on vault.tokens ((line[2]), place) where line[2] is not null;
create index tokens_by_line_3 on vault.tokens ((line[3]), place) where line[3] is not null;
create index tokens_by_line_4 on vault.tokens ((line[4]), place) where line[4] is not null;
create index tokens_by_line_5 on vault.tokens ((line[5]), place) where line[5] is not null;
create index tokens_by_line_6 on vault.tokens ((line[6]), place) where line[6] is not null;
create index tokens_by_line_7 on vault.tokens ((line[7]), place) where line[7] is not null;
create index tokens_by_line_8 on vault.tokens ((line[8]), place) where line[8] is not null;
drop index vault.tokens_by_line;
