-- For an operator who asks which letters have not left. Advice that does not stand, be it refused or ended before its letter
-- had left, is written about to nobody: its letter is not waited for.
DROP INDEX recommendations_by_unsent_letter;
CREATE INDEX recommendations_by_unsent_letter ON recommendations (letter, made_at)
    WHERE letter <> 'sent' AND (letter <> 'due' OR standing = 'open');
