"""What a part of a large system does next: pairs of states, or the exact rates of change."""
