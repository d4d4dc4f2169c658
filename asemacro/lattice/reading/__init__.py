"""Structure files of every kind, read with every atom, element and occupancy that they list."""
