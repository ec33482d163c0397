"""Use cases: registering webhooks, taking down what they are to be told, telling it."""
