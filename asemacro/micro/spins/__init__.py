"""Spins that flip: Ising on a lattice, Curie-Weiss, the exact laws that they are tested against."""
