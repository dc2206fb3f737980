"""Compiled loops for sums of products: the algorithms of `numformats.arithmetic`, for Numba.

`rounding` has what is done to one number, `aligned` and `trees` the loops, and `calls` calls them
on arrays, split over threads. Columns are worked on side by side, in vectors; no sum runs across
them, so the order of additions is the same however many there are.
"""
