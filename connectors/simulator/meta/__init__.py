"""What the simulated platforms of Meta have in common: the Graph API's manners, and webhooks with their signature."""
