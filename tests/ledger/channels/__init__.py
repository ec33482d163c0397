"""A ledger for what goes to platforms and comes from there: each platform's own log against what is stored here."""
