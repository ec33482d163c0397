"""What a connection decides."""
