"""Small runs, and the states of large systems that are made from them."""
