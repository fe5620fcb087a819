"""Images of any size through a network in tiles: plans, reading, reductions, and results in files."""
