"""The claims of the field's main line, each small enough for a CPU: `python -m experiments.NAME`, one file a claim."""
