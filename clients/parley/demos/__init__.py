"""Conversations that show the platform at work, each played by throw-away users and told by a narrator."""
