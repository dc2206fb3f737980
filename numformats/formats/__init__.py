"""Descriptions of number formats: immutable data, one small file for each family, and their names.

Adding a format is adding an entry to its family's file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from numformats.formats import fnuz, ieee, integers, ocp, p3109
from numformats.formats.base import Format, unknown

# Families with a written list; P3109's members are made by rule.
_FAMILIES: Final[dict[str, tuple[Sequence[Format], Mapping[str, Format]]]] = {
    "ieee": (ieee.FORMATS, ieee.ALIASES),
    "ocp": (ocp.FORMATS, ocp.ALIASES),
    "fnuz": (fnuz.FORMATS, fnuz.ALIASES),
    "integers": (integers.FORMATS, integers.ALIASES),
}
NAMED: Final[dict[str, Format]] = {
    fmt.name: fmt for formats, _ in _FAMILIES.values() for fmt in formats
}
ALIASES: Final[dict[str, Format]] = {
    alias: fmt for _, aliases in _FAMILIES.values() for alias, fmt in aliases.items()
}


def get_format(name: str | Format | Any) -> Format:
    """The format of a name, an alias, or a NumPy or ml_dtypes dtype; a format is given back as is.

    Names are those of `list_formats`, in any case; ValueError for an unknown one, with the nearest,
    and for a dtype that is no format here; TypeError for anything else.

    >>> import numformats as nf
    >>> nf.get_format("e4m3fn") is nf.float8_e4m3fn
    True
    >>> nf.get_format("binary8p4se").max
    224.0
    >>> nf.get_format("e4m3fm")
    Traceback (most recent call last):
        ...
    ValueError: format: unknown 'e4m3fm'; did you mean 'e4m3fn'? see numformats.list_formats()
    """
    if isinstance(name, Format):
        return name
    if not isinstance(name, str):
        name = _dtype_name(name)
    lower = name.lower()
    found = NAMED.get(lower) or ALIASES.get(lower) or p3109.from_name(lower)
    if lower in ("float64", "double", "binary64", "fp64"):
        raise ValueError(
            f"format: {name!r} is an input, not a format: codes have at most 32 bits here; "
            "numformats.float32 is the widest"
        )
    if found is None:
        # Names of P3109 are only candidates for what looks like one, or `binary8` would drown all.
        rule_made = p3109.names() if lower.startswith("binary") else ()
        message = unknown("format", name, [*NAMED, *ALIASES, *rule_made])
        raise ValueError(f"{message.partition(' Known:')[0]} see numformats.list_formats()")
    return found


def list_formats(family: str | None = None) -> list[str]:
    """The names of all formats with a name of their own, or of one family.

    `family` is one of ieee, ocp, fnuz, integers and p3109; ValueError for another. The 504 names of
    IEEE P3109, which are made by rule, are listed only when asked for.

    >>> import numformats as nf
    >>> nf.list_formats("fnuz")
    ['float8_e4m3fnuz', 'float8_e5m2fnuz', 'float8_e4m3b11fnuz']
    >>> len(nf.list_formats("p3109"))
    504
    """
    if family is None:
        return list(NAMED)
    if family == "p3109":
        return list(p3109.names())
    if family not in _FAMILIES:
        raise ValueError(unknown("family", str(family), [*_FAMILIES, "p3109"]))
    return [fmt.name for fmt in _FAMILIES[family][0]]


def _dtype_name(dtype: object) -> str:
    """The name of a dtype or scalar type, or a refusal."""
    import numpy as np

    if isinstance(dtype, (np.dtype, type)):
        try:
            return np.dtype(dtype).name
        except TypeError:
            pass
    raise TypeError(
        f"format: expected a name, a numformats format or a dtype, got "
        f"{type(dtype).__name__} {dtype!r}"
    )
