"""A checkpoint again, with its matrices as a format would hold them."""

from numformats.simulation.results import Simulation, TensorResult
from numformats.simulation.selection import LEFT_BY_NAME
from numformats.simulation.simulating import simulate
from numformats.simulation.tensors import seed_of

__all__ = ["LEFT_BY_NAME", "Simulation", "TensorResult", "seed_of", "simulate"]
