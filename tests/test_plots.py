"""Pictures: what is drawn is what the formats are."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

import numformats as nf

P = nf.plots


@pytest.fixture(autouse=True)
def without_windows() -> Iterator[None]:
    mpl.use("Agg")
    yield
    pyplot.close("all")


PICTURES: dict[str, Callable[[Axes | None], Axes]] = {
    "number_line": lambda ax: P.number_line("e5m2", ax=ax),
    "zoomed": lambda ax: P.number_line("float32", (1, 1 + 2**-18), ax=ax),
    "bits": lambda ax: P.bits("takum8", 0x4D, ax=ax),
    "spacing": lambda ax: P.spacing(["e4m3fn", "posit8", "int8", "lns8_4"], ax=ax),
    "error_curve": lambda ax: P.error_curve(np.linspace(-3, 3, 101), ["e4m3fn", "int4"], ax=ax),
    "rounding_function": lambda ax: P.rounding_function("e2m1fn", "rtp", ax=ax),
    "formats_map": lambda ax: P.formats_map(ax=ax),
    "step": lambda ax: nf.explain("0.1", "e4m3fn").plot(ax=ax),
    "step of a logarithm": lambda ax: nf.explain("0.3", "lns8_4", "rtz").plot(ax=ax),
}


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_pictures_are_drawn_on_given_axes_and_on_new_ones(
    draw: Callable[[Axes | None], Axes], style: str
) -> None:
    with pyplot.style.context(style):
        figure, axes = pyplot.subplots()
        assert draw(axes) is axes
        figure.canvas.draw()
        made = draw(None)
        assert made is not axes
        made.figure.canvas.draw()
        # A sentence, and no picture of it.
        text = P.alt_text(made)
        assert text == P.alt_text(axes)
        assert text.endswith(".")
        assert len(text) > 40
        assert "\n" not in text
        # What is text is drawn in the colour of the style.
        colours = {label.get_color() for label in made.get_xticklabels()}
        assert colours <= {mpl.rcParams["xtick.color"], mpl.rcParams["text.color"]}


@pytest.mark.parametrize("name", ["e4m3fn", "e5m2", "posit8", "hifloat8", "int8", "e8m0", "lns8_4"])
def test_the_number_line_has_all_values(name: str) -> None:
    fmt = nf.get_format(name)
    axes = P.number_line(fmt)
    marks = {
        collection.get_label(): {segment[0][0] for segment in collection.get_segments()}
        for collection in axes.collections
    }
    values = {value for value in fmt.values().tolist() if math.isfinite(value)}
    assert set().union(*marks.values()) == values - {0.0}
    smallest = fmt.smallest_normal
    assert marks.get("subnormal", set()) == {v for v in values if 0 < abs(v) < smallest}
    labels = {line.get_label() for line in axes.lines}
    assert ("zero" in labels) == (0.0 in values)
    assert ("infinity" in labels) == fmt.has_inf
    assert ("NaN" in axes.get_title()) == fmt.has_nan


def test_the_number_line_zooms_into_wide_formats() -> None:
    low, high = 1.0, 1.0 + 2.0**-20
    axes = P.number_line("float32", (low, high))
    (marks,) = axes.collections
    assert [segment[0][0] for segment in marks.get_segments()] == [
        1 + i * 2.0**-23 for i in range(9)
    ]
    assert axes.get_xlim() == (low, high)


@pytest.mark.parametrize("name", ["e4m3fn", "takum8", "uint8", "log_takum8"])
def test_spacing_is_the_distance_of_the_values_around(name: str) -> None:
    values = nf.get_format(name).values()
    values = np.unique(values[np.isfinite(values) & (values >= 0)])
    (line,) = P.spacing(name, (2.0**-12, 2.0**12)).lines
    exponents, distances = line.get_data()
    assert exponents[0] == pytest.approx(-12, abs=1e-5)
    assert exponents[-1] == pytest.approx(12, abs=1e-5)
    for exponent, distance in zip(exponents, distances, strict=True):
        above = int(np.searchsorted(values, 2.0**exponent, side="right"))
        if above == values.size:
            assert math.isnan(distance)
        elif above > 0:
            assert distance == pytest.approx(math.log2(values[above] - values[above - 1]))


@pytest.mark.parametrize("relative", [True, False])
def test_errors_are_those_of_the_oracle(relative: bool) -> None:
    x = np.linspace(-5, 5, 41)
    axes = P.error_curve(x, ["e4m3fn", "posit8"], "toward_zero", relative=relative)
    for line, name in zip(axes.lines, ["e4m3fn", "posit8"], strict=False):
        fmt = nf.get_format(name)
        for number, error in zip(*line.get_data(), strict=True):
            value = nf.exact.decode(nf.exact.project(number, fmt, "toward_zero", "finite"), fmt)
            exact = Fraction(value) - Fraction(number)
            assert error == pytest.approx(
                float(exact / abs(Fraction(number)) if relative else exact)
            )
    assert (0.0 in axes.lines[0].get_xdata()) == (not relative)


@pytest.mark.parametrize("mode", ["nearest_even", "toward_zero", "to_odd", "toward_negative"])
def test_the_staircase_is_that_of_the_oracle(mode: str) -> None:
    fmt = nf.float4_e2m1fn
    axes = P.rounding_function(fmt, mode, (-1, 7))
    stairs, dots, _ = axes.lines
    drawn = 0
    for number, result in zip(*stairs.get_data(), strict=True):
        if math.isnan(number) or math.isnan(result):
            continue
        assert fmt.value(nf.exact.project(number, fmt, mode)) == result
        drawn += 1
    assert drawn > 500
    assert dots.get_xdata().tolist() == [-1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6]
    # No line crosses a jump.
    levels = stairs.get_ydata()
    both = ~np.isnan(levels[:-1]) & ~np.isnan(levels[1:])
    assert (np.diff(levels)[both] == 0).all()


def test_bits_are_those_of_the_reading() -> None:
    for name, code in [("e4m3fn", 0x1D), ("posit8", 0x4D), ("hifloat8", 0x4D), ("float32", 1)]:
        fmt = nf.get_format(name)
        axes = P.bits(fmt, code)
        assert len(axes.patches) == fmt.bits
        shown = "".join(
            text.get_text() for text in axes.texts if text.get_family() == ["monospace"]
        )
        assert shown == f"{code:0{fmt.bits}b}"
        labels = [text.get_text() for text in axes.texts]
        colours = [patch.get_edgecolor() for patch in axes.patches]
        place = 0
        for field in fmt.reading(code).fields:
            assert f"{field.name} {len(field.bits)}" in labels
            assert len({*colours[place : place + len(field.bits)]}) == 1
            place += len(field.bits)


def test_the_map_has_a_point_for_each_format_of_8_bits() -> None:
    axes = P.formats_map()
    points = {
        (float(x), float(y)) for line in axes.lines for x, y in zip(*line.get_data(), strict=True)
    }
    names = "\n".join(text.get_text() for text in axes.texts).split("\n")
    listed = [name for name in nf.list_formats() if nf.get_format(name).bits == 8]
    assert set(listed) < set(names)
    assert len(names) == len(set(names))
    for name in names:
        fmt = nf.get_format(name)
        span = math.log2(fmt.max / fmt.smallest_subnormal)
        values = np.unique(fmt.values()[fmt.values() > 0])
        values = values[np.isfinite(values)]
        bits = np.log2(values[:-1] / (np.diff(values) / 2)).max()
        assert any(math.isclose(x, span) and math.isclose(y, bits) for x, y in points), name


def test_a_step_is_the_explanation() -> None:
    why = nf.explain("0.1", "e4m3fn")
    axes = why.plot()
    places = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert places == [0.5, pytest.approx(0.8)]  # the boundary and the number
    texts = [text.get_text() for text in axes.texts]
    assert {"0.1", "0.09375", "0.1015625", "boundary"} <= set(texts)
    with pytest.raises(ValueError, match="lies between no two values"):
        nf.explain(1, "e4m3fn").plot()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: P.number_line("e4m3fm"), "did you mean 'e4m3fn'"),
        (lambda: P.number_line("float32"), "2\\*\\*32 codes, which is no picture"),
        (lambda: P.number_line("float32", (0, 1)), "limits: more than 65536 values"),
        (lambda: P.number_line("e4m3fn", (1, 1)), "a smaller and a larger finite number"),
        (lambda: P.number_line("e4m3fn", 1), "limits: expected two numbers"),
        (lambda: P.number_line("e4m3fn", ax=1), "ax: expected Axes of matplotlib"),
        (lambda: P.spacing("e4m3fn", (0, 1)), "a smaller and a larger positive number"),
        (lambda: P.error_curve([math.inf], "e4m3fn"), "not finite"),
        (lambda: P.error_curve([0.0], "e4m3fn"), "no numbers"),
        (lambda: P.rounding_function("e4m3fn", "sr"), "is random"),
        (lambda: P.bits("e4m3fn", 256), "outside 0 to 255"),
        (lambda: P.alt_text(pyplot.subplots()[1]), "not drawn by numformats"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_without_matplotlib_there_is_a_way_out() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numformats as nf\n"
        "nf.plots; nf.explain('0.1', 'e4m3fn')\n"
        "try:\n    nf.plots.bits('e4m3fn')\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == (
        "numformats.plots needs matplotlib: pip install 'numformats[plot]'"
    )
