"""Refusing what has no meaning, with an error that names argument, value and way out."""

from __future__ import annotations

from collections.abc import Iterable


def require_int(argument: str, value: object, low: int, high: int, why: str = "") -> None:
    """Refuse, with the reason, a field that is not an int from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected an int, got {type(value).__name__} {value!r}")
    if not low <= value <= high:
        reason = f": {why}" if why else ""
        raise ValueError(f"{argument}: {value} is outside {low} to {high}{reason}")


def require_name(name: object) -> None:
    """Refuse a format name that is not a non-empty str."""
    if not isinstance(name, str):
        raise TypeError(f"name: expected a str, got {type(name).__name__} {name!r}")
    if not name:
        raise ValueError("name: an empty name; give the format a word that errors can call it by")


# NumPy's and ml_dtypes' dtypes that are formats, with their widths.
_DTYPE_BITS = {
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "float8_e3m4": 8,
    "float8_e4m3": 8,
    "float8_e4m3b11fnuz": 8,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
    "float4_e2m1fn": 4,
    **{f"{sign}int{bits}": bits for sign in ("", "u") for bits in (1, 2, 4, 8, 16)},
}


def require_dtype_name(name: object, bits: int) -> None:
    """Refuse what is neither None nor the name of a dtype whose codes have that width."""
    if name is None or (isinstance(name, str) and _DTYPE_BITS.get(name) == bits):
        return
    raise ValueError(f"dtype_name: {name!r} is no dtype of NumPy or ml_dtypes with {bits} bits")


def require_bool(argument: str, value: object) -> None:
    """Refuse a switch that is not a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{argument}: expected True or False, got {value!r}")


# Names told of all that are known: more than there are of any kind but tensors of a model.
_TOLD = 100


def unknown(argument: str, given: str, choices: Iterable[str]) -> str:
    """The message for a name that is not among the choices, with the nearest one if any is near.

    >>> unknown("saturation", "finit", ["none", "finite"])
    "saturation: unknown 'finit'; did you mean 'finite'? Known: none, finite"
    """
    import difflib  # only an error needs it

    known = list(choices)
    longer = [name for name in known if given and name.startswith(given.lower())]
    near = longer or difflib.get_close_matches(given.lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    more = f" and {len(known) - _TOLD} more" if len(known) > _TOLD else ""
    return f"{argument}: unknown {given!r}{hint} Known: {', '.join(known[:_TOLD])}{more}"
