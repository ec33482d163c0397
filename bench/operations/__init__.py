"""What a message costs in operations and bytes, by the servers' own counters, and the budget for it."""
