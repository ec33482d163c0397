"""Webhooks of third parties: who registered which, what they are told, and that it reaches them."""
