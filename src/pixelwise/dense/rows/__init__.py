"""Images row by row, no row of any layer computed twice."""
