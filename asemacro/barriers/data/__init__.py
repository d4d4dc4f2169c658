"""Tables of computed barriers, and what barrier networks are trained on and measured against."""
