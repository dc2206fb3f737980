"""The compiled path: the algorithm of `numformats.codec.lattice`, for Numba.

`parameters` says what a kernel is told; `steps`, `kernels` and, for codebooks, `search` are
compiled; `kernel_files` keeps what they became on disk; `bound` has them with all arguments but
arrays, `dispatch` calls them on arrays and `threads` splits them. For numbers that share scales,
`extremes` and `arithmetic` have loops over runs, `pieces` several of them in a row, and `scaled`
calls those. But for `views`, nothing here is loaded before it is worth to load Numba.
"""
