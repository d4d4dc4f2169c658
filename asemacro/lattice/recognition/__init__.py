"""The lattice that a real crystal stands on: strained, rattled, with atoms missing, in whatever cell."""
