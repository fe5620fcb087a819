"""Patch classifiers at every pixel: exact dense maps, their naive references, and the verdict on exactness."""
