"""The laws of precision: what rounding costs a model, by bits, parameters and tokens.

Each law is a record with its form, its constants, where they stand, and the runs that they were
fitted on; outside of these it warns. `fit` finds the constants for runs of your own.
"""

from __future__ import annotations

# Before modules of it: see `numformats.analysis`.
from numformats import analysis  # noqa: F401
from numformats.laws.castro import (
    TwoPassLaw,
    castro_nearest,
    castro_quartet,
    castro_quest,
    castro_stochastic,
)
from numformats.laws.catalogue import LAWS
from numformats.laws.chen import QuantizedTrainingLaw, chen_w4a4, chen_w4a16, chen_w16a4
from numformats.laws.fitted import Fit, HeldOut, Interval, ShareLaw
from numformats.laws.fitting import fit
from numformats.laws.gaussian import GaussianError, gaussian_error, ideal_bits
from numformats.laws.kumar import precision, precision_float_weights, precision_without_offsets
from numformats.laws.ouyang import HarmLaw, ouyang
from numformats.laws.panferov import CapacityLaw, capacity, panferov
from numformats.laws.precision_law import PrecisionLaw
from numformats.laws.records import ExtrapolationWarning, Law, Range, Source
from numformats.laws.sun import FloatTrainingLaw, sun

__all__ = [
    "LAWS",
    "CapacityLaw",
    "ExtrapolationWarning",
    "Fit",
    "FloatTrainingLaw",
    "GaussianError",
    "HarmLaw",
    "HeldOut",
    "Interval",
    "Law",
    "PrecisionLaw",
    "QuantizedTrainingLaw",
    "Range",
    "ShareLaw",
    "Source",
    "TwoPassLaw",
    "capacity",
    "castro_nearest",
    "castro_quartet",
    "castro_quest",
    "castro_stochastic",
    "chen_w4a4",
    "chen_w4a16",
    "chen_w16a4",
    "fit",
    "gaussian_error",
    "ideal_bits",
    "ouyang",
    "panferov",
    "precision",
    "precision_float_weights",
    "precision_without_offsets",
    "sun",
]
