"""The fast twins of some operations: the same results to the last bit, compiled by numba where it is installed.

Every operation has a plain torch definition in `pixelwise.ops`, which runs on any device and needs nothing else. Where
a measurement showed a sequential loop to be much faster than that, its twin lives here and is taken for tensors in the
machine's main memory when numba can be imported (`pip install 'pixelwise[fast]'`).

The environment variable PIXELWISE_KERNELS=off, read at every call, turns all twins off.

The first call compiles for a few seconds; the result is kept on disk beside this package, or in the user's cache folder
when the package cannot be written (NUMBA_CACHE_DIR names another place). Only `pixelwise.ops` imports this package.
"""
