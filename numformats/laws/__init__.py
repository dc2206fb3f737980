"""Laws of precision: what rounding a trained model costs, by its bits, its size and its training."""
