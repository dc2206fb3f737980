"""What becomes of a rounded value that may lie beyond the range: IEEE P3109 clause 4.7.5."""

from __future__ import annotations

import math
from fractions import Fraction

from numformats.modes import RoundingMode, SaturationMode
from numformats.reals import Extended
from numformats.system import NumberSystem


def saturated(
    z: Extended, system: NumberSystem, mode: RoundingMode, saturation: SaturationMode
) -> Extended:
    """Saturate: a value of the system, infinity or NaN, in place of one that may be beyond it."""
    if saturation == "wrap":
        return _wrapped(z, system)
    if system.lowest <= z <= system.highest:
        return z
    if z > system.highest:
        return _above(z, system, mode, saturation)
    # A format without zero has a gap below its smallest value, in which P3109 has nothing to say:
    # what is positive there becomes that value.
    if 0 < z < system.lowest:
        return system.lowest
    return _below(z, system, mode, saturation)


def _above(
    z: Extended, system: NumberSystem, mode: RoundingMode, saturation: SaturationMode
) -> Extended:
    infinite = z == math.inf
    if saturation == "finite":
        return system.highest
    if saturation == "propagate":
        return math.inf if infinite and system.has_inf else system.highest
    inward = mode in ("toward_zero", "toward_negative") or (
        mode == "to_odd" and _max_is_odd(system)
    )
    if inward and not infinite:
        return system.highest
    return _overflow(system)


def _below(
    z: Extended, system: NumberSystem, mode: RoundingMode, saturation: SaturationMode
) -> Extended:
    infinite = z == -math.inf
    if saturation == "finite":
        return system.lowest
    if saturation == "propagate":
        is_infinity = infinite and system.has_inf and system.signed
        return -math.inf if is_infinity else system.lowest
    inward = mode in ("toward_zero", "toward_positive") or (
        mode == "to_odd" and system.signed and _max_is_odd(system)
    )
    if inward and not infinite:
        return system.lowest
    if system.signed:
        beyond = _overflow(system)
        return system.lowest if beyond == system.highest else -beyond
    return math.nan if system.has_nan else system.lowest


def _overflow(system: NumberSystem) -> Extended:
    """Where saturation `none` sends what is too large: a property of the system."""
    if system.overflow == "max":
        return system.highest
    return math.inf if system.overflow == "infinity" else math.nan


def _max_is_odd(system: NumberSystem) -> bool:
    return system.is_odd(system.highest_step)


def require_saturation(system: NumberSystem, saturation: SaturationMode) -> None:
    """Refuse, with ValueError, a saturation mode that is not for a system."""
    if saturation != "wrap":
        return
    if system.lattice is None or not system.lattice.complement:
        raise ValueError(f"saturation: 'wrap' is for integers and fixed point, not {system.name}")
    if system.highest_step - system.lowest_step + 1 < 2**system.bits:
        raise ValueError(f"saturation: 'wrap' needs the full range, and {system.name} is narrow")


def _wrapped(z: Extended, system: NumberSystem) -> Fraction:
    """Two's-complement overflow: the low bits of the integer."""
    if not isinstance(z, Fraction):
        raise ValueError("value: infinity has no low bits to wrap to; use another saturation")
    steps, lowest = 2**system.bits, system.lowest_step
    return ((z // system.quantum - lowest) % steps + lowest) * system.quantum
