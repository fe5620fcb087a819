"""Images as bad weather, cameras and files make them, and what a model's scores do then."""
