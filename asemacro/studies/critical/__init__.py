"""Critical points: finite sizes, exponents, collapse."""
