"""Meta-learning put to use: what the application lessons share."""
