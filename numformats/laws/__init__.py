"""Laws of precision: what rounding a model costs, by its bits, its size and its training."""
