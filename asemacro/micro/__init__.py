"""Microscopic systems: the ones whose large-scale dynamics are learned."""
