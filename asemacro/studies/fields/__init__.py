"""Field equations of block magnetisations: what they are learned from, and what they must show to be trusted."""
