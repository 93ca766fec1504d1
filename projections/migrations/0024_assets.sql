-- How much risk an asset carries; null where nobody has rated it.
ALTER TABLE assets ADD COLUMN risk_class text;
