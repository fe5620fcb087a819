"""Any network as a list of steps: traced, followed from pixels to cells, and run step by step."""
