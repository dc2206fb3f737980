"""A checkpoint again, with its matrices as a format would hold them."""

# Before modules of it: see `numformats.analysis`.
from numformats import analysis  # noqa: F401
from numformats.simulation.results import Simulation, TensorResult
from numformats.simulation.simulating import simulate
from numformats.simulation.tensors import seed_of
from numformats.tensor_files.selection import LEFT_BY_NAME

__all__ = ["LEFT_BY_NAME", "Simulation", "TensorResult", "seed_of", "simulate"]
