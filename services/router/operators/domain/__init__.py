"""Letters and what may be sent in their place; pure."""
