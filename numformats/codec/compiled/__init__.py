"""The compiled path: the algorithm of `numformats.codec.lattice`, for Numba.

`parameters` says what a kernel is told; `steps`, `kernels` and, for codebooks, `search` are
compiled; `dispatch` calls them on arrays and `threads` splits them. Nothing here is loaded before
it is worth to load Numba.
"""
