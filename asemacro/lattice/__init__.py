"""Where states live: lattices as ASE Atoms, their neighbour shells, and what structure files hold."""
