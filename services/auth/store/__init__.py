"""Where accounts and sessions live (etcd) and where the keys are that sign (a folder)."""
