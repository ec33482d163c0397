"""What auth decides, by subject: accounts and sessions."""
