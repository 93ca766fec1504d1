-- Cash carries the least risk from its listing on, whether or not anybody rates it.
UPDATE assets SET risk_class = 'conservative' WHERE class = 'cash' AND risk_class IS NULL;
