"""`parley dlq …`, `channels status`, `audit`: what operators see and mend, on the internal port of a router."""
