"""Short-range order of an alloy over time and temperature."""
