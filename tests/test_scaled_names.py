"""Scaled formats as a reader meets them: their names, and how they describe themselves."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

import numformats as nf
from numformats.scaled.catalogue import NAMED, RENAMED
from numformats.scaled.rules import ScaleRule

FORMATS = [nf.get_scaled_format(name) for name in nf.list_scaled_formats()]
NVFP4 = nf.get_scaled_format("nvfp4")
NF4_DQ = nf.get_scaled_format("nf4_dq")


def test_those_of_deepseek_are_called_by_their_shape() -> None:
    for element in ("e4m3", "e5m2"):
        activations = nf.get_scaled_format(f"fp8_{element}_1x128")
        weights = nf.get_scaled_format(f"fp8_{element}_128x128")
        assert activations.granularity.tile(2, None) == (1, 128)
        assert weights.granularity.tile(2, None) == (128, 128)
        assert getattr(nf, f"fp8_{element}_1x128") is activations


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_is_refused_with_the_new_one_and_what_it_is(old: str) -> None:
    new = nf.get_scaled_format(RENAMED[old])
    message = re.escape(f"{old!r} is now {new!r}")
    with pytest.raises(ValueError, match=f"format: {message}"):
        nf.get_scaled_format(old)
    with pytest.raises(ValueError, match=message):
        nf.quantize([1.0], old)
    with pytest.raises(ValueError, match=f"{old.upper()!r} is now"):
        nf.quantize([1.0], old.upper())
    with pytest.raises(AttributeError, match=message):
        getattr(nf, old)


def test_no_name_is_both_old_and_new() -> None:
    assert not RENAMED.keys() & NAMED.keys()
    assert set(RENAMED.values()) <= NAMED.keys()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "nvfp4",
            "<ScaledFormat nvfp4: float4_e2m1fn, a float8_e4m3fn scale per block of 16, "
            "float32 per tensor, 4.5 bits>",
        ),
        (
            "mxfp8_e4m3",
            "<ScaledFormat mxfp8_e4m3: float8_e4m3fn, a float8_e8m0fnu scale per block of 32, "
            "rule floor, 8.25 bits>",
        ),
        (
            "fp8_e4m3_128x128",
            "<ScaledFormat fp8_e4m3_128x128: float8_e4m3fn, a float32 scale per tile of "
            "128 x 128, 8.002 bits>",
        ),
        (
            "int8_channel_asym",
            "<ScaledFormat int8_channel_asym: uint8, a float32 scale and a uint8 zero point per "
            "channel (axis 0), 8 bits plus scales>",
        ),
        (
            "q4_1",
            "<ScaledFormat q4_1: uint4, a float16 scale and a float16 offset per block of 32, "
            "5 bits>",
        ),
        (
            "nf4_dq",
            "<ScaledFormat nf4_dq: nf4_element, a dynamic8 scale per block of 64, float32 per 256 "
            "scales, float32 mean, 4.127 bits>",
        ),
    ],
)
def test_a_format_describes_itself_in_a_line(name: str, expected: str) -> None:
    assert repr(nf.get_scaled_format(name)) == expected


def test_every_line_is_short_and_names_the_element() -> None:
    lines = {repr(fmt) for fmt in FORMATS}
    assert len(lines) == len(FORMATS)
    for fmt in FORMATS:
        line = repr(fmt)
        assert line.startswith(f"<ScaledFormat {fmt.name}: {fmt.element.name}, ")
        assert fmt.scale_element.name in line
        assert "\n" not in line
        assert len(line) <= 126


E3M2 = nf.FloatFormat("e3m2", exponent_bits=3, mantissa_bits=2)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(NVFP4, scale=E3M2), "4_e2m1fn, an e3m2 scale per block of 16, 4.375 bits>"),
        (replace(NVFP4, granularity=nf.PerChannel(-1)), "per channel (axis -1), float32"),
        (replace(NVFP4, scale_rule="mse"), "float32 per tensor, rule mse, 4.5 bits>"),
        (replace(NVFP4, scale_rule=ScaleRule(largest=4.0)), ", rule largest=4.0, "),
        (
            replace(NVFP4, scale_rule=ScaleRule("power", "toward_positive", percentile=99.0)),
            ", rule target=power rounding=toward_positive percentile=99.0, ",
        ),
        (
            replace(NVFP4, scale=replace(NVFP4.scale, scale_rule="absmax_up")),
            "float32 per tensor (rule absmax_up), 4.5 bits>",
        ),
        (
            replace(NVFP4, scale=replace(NVFP4.scale, granularity=nf.PerTile(2, 4))),
            "float32 per tile of 2 x 4 of scales, ",
        ),
        (
            replace(NVFP4, scale=replace(NVFP4.scale, granularity=nf.PerChannel(1))),
            "float32 per channel (axis 1) of scales, ",
        ),
        (replace(NF4_DQ, scale_mean=nf.bfloat16), ", bfloat16 mean, "),
        (nf.ScaledFormat("sign", nf.get_format("int1"), nf.float32, scale_rule="lowest"),
         "int1, a float32 scale per tensor, rule lowest, 1 bit plus scales>"),
        (nf.quantize([1.0], "int8").format, "a float32 scale per tensor, rule absmax_up, 8 bits"),
    ],
)  # fmt: skip
def test_what_is_out_of_the_ordinary_is_told(changed: nf.ScaledFormat, expected: str) -> None:
    assert expected in repr(changed)


def test_a_notebook_shows_a_table_of_all_parts() -> None:
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", NF4_DQ._repr_html_())
    assert cells == [
        "element", "nf4_element", "scale", "dynamic8 per block of 64",
        "scale of scales", "float32 per 256 scales", "mean of scales", "float32",
        "rule", "absmax", "bits", "4.127",
    ]  # fmt: skip
    for name, part in (("int8_tensor_asym", "zero point</th><td>uint8 per tensor"),
                       ("q4_1", "offset</th><td>float16 per block of 32"),
                       ("int8_tensor", "bits</th><td>8 plus scales")):  # fmt: skip
        assert part in nf.get_scaled_format(name)._repr_html_()
    assert "<b>&lt;i&gt;</b>" in replace(NVFP4, name="<i>")._repr_html_()


def parts(fmt: nf.ScaledFormat) -> list[Any]:
    return [fmt.element, fmt.scale_element, fmt.zero_point, fmt.offset, fmt.tensor_scale]


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_the_table_names_every_format_that_is_stored(fmt: nf.ScaledFormat) -> None:
    table = fmt._repr_html_()
    for part in parts(fmt):
        assert part is None or f"<td>{part.name}" in table


def test_a_pickled_format_has_the_hash_of_its_own_process() -> None:
    found = nf.TableFormat("two", (0.0, 1.0)), nf.FloatFormat("e3m2", 3, 2), NAMED["nvfp4"]
    assert all(map(hash, found))  # which are kept
    code = f"""
import pickle, numformats as nf
own = nf.TableFormat("two", (0.0, 1.0)), nf.FloatFormat("e3m2", 3, 2), nf.get_scaled_format("nvfp4")
assert set(pickle.loads({pickle.dumps(found)!r})) == set(own)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
