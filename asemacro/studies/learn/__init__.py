"""Learn the macroscopic dynamics of a known system, keep it, simulate it."""
