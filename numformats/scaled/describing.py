"""A scaled format in words: in one line, and as the rows of a table."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from numformats.scaled.granularity import Granularity, PerBlock, PerChannel, PerTensor, PerTile
from numformats.scaled.rules import RULES, ScaleRule

if TYPE_CHECKING:
    from numformats.scaled.formats import ScaledFormat


def in_one_line(fmt: ScaledFormat) -> str:
    """What a format consists of; the rules of its scales are left out where they are "absmax".

    >>> from numformats.scaled import get_scaled_format
    >>> in_one_line(get_scaled_format("mxfp4"))
    'float4_e2m1fn, a float8_e8m0fnu scale per block of 32, rule floor, 4.25 bits'
    """
    parts = [fmt.element.name, f"{_own(fmt)} per {granularity_text(fmt.granularity)}"]
    if fmt.scaled_scale is not None:
        parts.append(_scale_of_scales(fmt.scaled_scale))
    if fmt.scale_mean is not None:
        parts.append(f"{fmt.scale_mean.name} mean")
    if fmt.micro_exponents:
        parts.append(f"a bit {_doublings(fmt)} that doubles it")
    if fmt.rule != RULES["absmax"]:
        parts.append(f"rule {rule_text(fmt.rule)}")
    return ", ".join([*parts, _bits(fmt, " bit" if fmt.bits == 1 else " bits")])


def rows(fmt: ScaledFormat) -> list[tuple[str, str]]:
    """What a format consists of, one thing a row: what it is, and its format or its word."""
    each = granularity_text(fmt.granularity)
    found = [("element", fmt.element.name), ("scale", f"{fmt.scale_element.name} per {each}")]
    if fmt.zero_point is not None:
        found.append(("zero point", f"{fmt.zero_point.name} per {each}"))
    if fmt.offset is not None:
        found.append(("offset", f"{fmt.offset.name} per {each}"))
    if fmt.scaled_scale is not None:
        found.append(("scale of scales", _scale_of_scales(fmt.scaled_scale)))
    if fmt.scale_mean is not None:
        found.append(("mean of scales", fmt.scale_mean.name))
    if fmt.micro_exponents:
        found.append(("micro-exponents", _doublings(fmt)))
    return [*found, ("rule", rule_text(fmt.rule)), ("bits", _bits(fmt))]


def granularity_text(granularity: Granularity) -> str:
    """What has a scale of its own.

    >>> granularity_text(PerTile(128, 128))
    'tile of 128 x 128'
    """
    match granularity:
        case PerTensor():
            return "tensor"
        case PerChannel(axis):
            return f"channel (axis {axis})"
        case PerBlock(size):
            return f"block of {size}"
        case PerTile(rows, columns):
            return f"tile of {rows} x {columns}"


def rule_text(rule: ScaleRule) -> str:
    """The name of a scale rule; of one without a name, how it differs from "absmax".

    >>> rule_text(ScaleRule(rounding="toward_positive")), rule_text(ScaleRule(largest=4.0))
    ('absmax_up', 'largest=4.0')
    """
    for name, known in RULES.items():
        if known == rule:
            return name
    given = {field.name: getattr(rule, field.name) for field in fields(rule)}
    plain = RULES["absmax"]
    changed = {name: value for name, value in given.items() if value != getattr(plain, name)}
    return " ".join(f"{name}={value}" for name, value in changed.items())


def _own(fmt: ScaledFormat) -> str:
    """What each tile has beside its elements."""
    parts = {"scale": fmt.scale_element, "zero point": fmt.zero_point, "offset": fmt.offset}
    named = [f"{part.name} {what}" for what, part in parts.items() if part is not None]
    # "u" is spoken as in "uint8".
    return " and ".join(f"{'an' if text[0] in 'aeio' else 'a'} {text}" for text in named)


def _scale_of_scales(scale: ScaledFormat) -> str:
    """The scales of scales."""
    match scale.granularity:
        case PerTensor():
            each = "tensor"
        case PerBlock(size):
            each = f"{size} scales"
        case other:
            each = f"{granularity_text(other)} of scales"
    rule = "" if scale.rule == RULES["absmax"] else f" (rule {rule_text(scale.rule)})"
    return f"{scale.scale_element.name} per {each}{rule}"


def _doublings(fmt: ScaledFormat) -> str:
    """What has a micro-exponent."""
    return " and ".join(f"per {size}" for size in fmt.micro_exponents)


def _bits(fmt: ScaledFormat, unit: str = "") -> str:
    """As many as in a large array; what the scales of a tensor or its channels add depends on its
    shape.
    """
    scales = " plus scales" if fmt.granularity.block_size is None else ""
    return f"{fmt.bits:.4g}{unit}{scales}"
