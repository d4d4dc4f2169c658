"""Long work: progress, checkpoints, interruptions, the folder of a run."""
