"""The one place where a name becomes a format."""

from __future__ import annotations

from typing import Any

from numformats.formats.format import Format
from numformats.formats.registry import read_format


def get_format(name: str | Format | Any) -> Format:
    """The format of a name, an alias, or a NumPy or ml_dtypes dtype; a format is given back as is.

    Names are those of `list_formats`, in any case; ValueError for an unknown one, with the nearest,
    for that of a scaled format, and for a dtype that is no format here; TypeError for anything
    else.

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
    return read_format(name, _refusal)


def _refusal(name: str) -> ValueError:
    from numformats.scaled import catalogue  # which takes a while, and only a refusal needs

    return catalogue.unknown_format(name)
