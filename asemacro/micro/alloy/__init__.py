"""Alloys on a lattice: vacancies that jump (kinetic Monte Carlo) and atoms that change places (Monte Carlo)."""
