"""Statistics of whole images, streamed over tiles and frozen, so that norms and gates tile exactly."""
