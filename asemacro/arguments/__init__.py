"""What public functions accept: one line a function, and one line of refusal for everything else."""
