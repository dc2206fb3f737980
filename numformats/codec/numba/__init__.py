"""The compiled backend: the algorithm of `numformats.codec.lattice`, for Numba.

`lanes` says what a loop is told; `steps`, `encode`, `search` (for systems of few values) and
`decode` are compiled; `calls` has them with all arguments but arrays and calls them on these, and
`threads` splits the arrays. `blocks` has loops for numbers that share scales. But for `views`,
nothing here is loaded before it is worth to load Numba.
"""
