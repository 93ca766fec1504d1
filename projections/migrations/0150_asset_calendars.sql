-- On which days an asset is traded, where that was said; else its exchange tells.
ALTER TABLE assets ADD COLUMN calendar text;
