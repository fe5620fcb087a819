"""Training of segmenters: crops, losses, and the task; the recipe is where to begin."""
