"""Fields on a grid with noise: predator and prey."""
