"""`train`: the loop, its checkpoints, and what is told of it."""
