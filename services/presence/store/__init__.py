"""Where presence reads: feeds in Redis, messages in MongoDB."""
