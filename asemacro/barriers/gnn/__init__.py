"""Barriers from a graph network of the atoms around a jump, and its kernels for kinetic Monte Carlo."""
