"""Official checkpoints: where they are, how their names map to ours, and how they are loaded."""
