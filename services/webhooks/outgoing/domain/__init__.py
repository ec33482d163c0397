"""What webhooks decide: pure functions and frozen values."""
