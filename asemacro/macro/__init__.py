"""The macroscopic model: drift and noise of a few variables, how it is fitted, simulated and kept. Arrays only."""
