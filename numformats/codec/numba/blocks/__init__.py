"""Compiled loops over blocks of consecutive numbers, each with a scale of its own.

`absmax` finds what is largest in them, `quotients` divides, multiplies and adds, `products` has
several loops in a row while a chunk of the array stays in the cache, and `calls` calls those.
"""
