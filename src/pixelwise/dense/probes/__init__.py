"""What a network depends on, measured by changing pixels: the check of the graph, and what tiles rely on."""
