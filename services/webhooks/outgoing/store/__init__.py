"""Where registrations (etcd) and the log of deliveries (MongoDB) stand."""
