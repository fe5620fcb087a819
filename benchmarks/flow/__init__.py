"""Networks that find motion."""
