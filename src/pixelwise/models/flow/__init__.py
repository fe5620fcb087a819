"""Networks that find motion: two images in, the way of every pixel out."""
