"""Training of detectors: scenes, and the task; the recipe is where to begin."""
