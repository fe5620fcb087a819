"""Training networks that find motion."""
