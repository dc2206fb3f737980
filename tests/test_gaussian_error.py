"""`laws.gaussian_error` against `round` on a fine grid, and figures from the literature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import numformats as nf
from numformats import laws

FORMATS = [
    *("int2", "int4", "int8", "uint4", "float4_e2m1fn", "float6_e2m3fn", "float8_e4m3fn"),
    *("float8_e5m2", "float8_e4m3fnuz", "float8_e8m0fnu", "hifloat8", "binary8p4se"),
    *("posit8", "takum8", "log_takum8"),
]


def by_rounding(fmt: nf.Format, scale: float) -> float:
    """The error by the format's own `round`, as a sum over a fine grid of normal data."""
    count = 1_000_001
    x = np.linspace(-9, 9, count)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    rounded = fmt.round(x / scale, saturation="finite") * scale
    return float(((x - rounded) ** 2 * density).sum() * 18 / (count - 1))


@pytest.mark.parametrize("name", FORMATS)
def test_errors_are_those_of_rounding(name: str) -> None:
    fmt = nf.get_format(name)
    found = laws.gaussian_error(name)
    assert found.error == pytest.approx(by_rounding(fmt, found.scale), rel=5e-5)
    assert found.standard_error == 0
    # No scale near it, nor one far away, is better.
    around = found.scale * np.exp2([-1, -0.5, -0.1, -0.01, 0.01, 0.1, 0.5, 1, 2, -2])
    assert all(by_rounding(fmt, scale) > found.error * (1 - 5e-5) for scale in around)


def test_sixteen_bits() -> None:
    """Values of bfloat16 are 2^-7 2^e apart from 2^e to 2^(e + 1), and errors spread evenly: their
    mean square is 2^-14 / 12 of the square of 2^e.
    """
    error = laws.gaussian_error("bfloat16").error
    assert 2.0**-14 / 12 / 4 < error < 2.0**-14 / 12
    with pytest.raises(ValueError, match="fmt: float32 has 32 bits; expected 16 at most"):
        laws.gaussian_error("float32")


@pytest.mark.parametrize(
    ("levels", "spacing", "error"),
    [(2, 1.596, 0.3634), (4, 0.9957, 0.1188), (8, 0.5860, 0.03744), (16, 0.3352, 0.01154)],
)
def test_evenly_spaced_values_of_max(levels: int, spacing: float, error: float) -> None:
    """Max 1960, Quantizing for Minimum Distortion, table II."""
    table = np.arange(levels) - (levels - 1) / 2
    found = laws.gaussian_error(nf.TableFormat("even", table.tolist()))
    assert found.error == pytest.approx(error, rel=5e-4)
    assert found.scale == pytest.approx(spacing, rel=5e-4)


def test_exact_to_ten_digits() -> None:
    """Of three values -a, 0, a with boundaries at a / 2 the error has a closed form, which is least
    where the slope is 0.
    """
    found = laws.gaussian_error(nf.TableFormat("three", [0.0, 1.0, -1.0, 0.0]))
    a = found.scale
    tail = math.erfc(a / 2 / math.sqrt(2)) / 2
    density = math.exp(-((a / 2) ** 2) / 2) / math.sqrt(2 * math.pi)
    assert found.error == pytest.approx(1 - 4 * a * density + 2 * a**2 * tail, rel=1e-10)
    assert laws.gaussian_error(nf.TableFormat("sign", [-1.0, 1.0])).error == pytest.approx(
        1 - 2 / math.pi, rel=1e-10
    )


def test_ideal_bits() -> None:
    """An error of 4^-b is that of an ideal code of b bits; real codes of 4 bits are below."""
    assert laws.GaussianError(4.0**-3, 0.0, 1.0).ideal_bits == pytest.approx(3)
    assert 3 < laws.gaussian_error("int4").ideal_bits < 4
    assert laws.ideal_bits("int4") == laws.gaussian_error("int4").ideal_bits
    assert float(laws.gaussian_error("int4")) == laws.gaussian_error("int4").error


def test_scaled_formats_are_sampled() -> None:
    """Castro et al. 2025, table 2: MXFP4 has 1.37e-2 with scales by absmax, 1.32e-2 by QuEST."""
    found = laws.gaussian_error("mxfp4")
    assert 1.25e-2 < found.error < 1.4e-2
    assert 0 < found.standard_error < 0.005 * found.error
    assert math.isnan(found.scale)
    assert laws.gaussian_error("mxfp4").error == found.error
    x = np.random.default_rng(5).standard_normal((512, 512))
    other = ((nf.quantize(x, "mxfp4").dequantize() - x) ** 2).mean() / (x**2).mean()
    # A quarter of the numbers has twice the standard error.
    assert abs(other - found.error) < 4 * math.hypot(2, 1) * found.standard_error
    assert laws.gaussian_error("nvfp4").error < found.error


def test_capacity_meets_the_figure_it_was_fitted_to() -> None:
    """Panferov et al. 2025, figure 6: weights of 1, 2, 3 and 4 bits, by the best even values."""
    law = laws.panferov
    share = np.asarray(law.capacity_of_error([0.3634, 0.1188, 0.03744, 0.01154]))
    assert share == pytest.approx([0.21, 0.45, 0.74, 0.90], abs=0.04)
    by_hand = math.tanh(0.4930 * math.log(0.1188) / math.log(1 / 4)) ** 1.6035
    assert share[1] == pytest.approx(by_hand, rel=1e-12)


def test_capacity_falls_with_the_error() -> None:
    law, names = laws.panferov, ("float8_e4m3fn", "float6_e2m3fn", "nvfp4", "mxfp4", "int3", "int2")
    shares = [laws.capacity(name) for name in names]
    assert shares == sorted(shares, reverse=True)
    assert law.effective_parameters(1e8, "int4") == pytest.approx(1e8 * laws.capacity("int4"))
    found = laws.gaussian_error("int4")
    assert law.capacity(found) == laws.capacity(nf.get_format("int4"))
    with pytest.warns(laws.ExtrapolationWarning, match="error: 1 is outside"):
        assert law.capacity_of_error(1.0) == 0


@pytest.mark.parametrize("given", ["int99", 3, None])
def test_what_is_no_format_is_refused(given: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="format"):
        laws.gaussian_error(given)
