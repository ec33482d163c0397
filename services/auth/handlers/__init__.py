"""The use cases of auth, by subject."""
