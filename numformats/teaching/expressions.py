"""Reading one operation on numbers: ``0.1 + 0.2``, ``sqrt(2)``, ``fma(0.1, 10, -1)``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from numformats.checks import unknown
from numformats.exact.operations import OPERATIONS
from numformats.reals import read_number

SYMBOLS: Final = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
_WAY_OUT: Final = (
    "write a number, such as '0.1', '1/3', '0x1.8p-3' or '-inf', or one operation on numbers, such "
    "as '0.1 + 0.2', 'sqrt(2)' or 'fma(0.1, 10, -1)'"
)
_NUMBER: Final = (
    r"[+-]?(?:0x[0-9a-f]*\.?[0-9a-f]*(?:p[+-]?[0-9]+)?"
    r"|[0-9][0-9_]*/[0-9][0-9_]*(?![.0-9e])"
    r"|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:e[+-]?[0-9]+)?"
    r"|inf(?:inity)?|nan)"
)
_BINARY: Final = re.compile(rf"\s*({_NUMBER})\s*([-+*/])\s*({_NUMBER})\s*", re.IGNORECASE)
_CALL: Final = re.compile(r"\s*([a-z][a-z0-9_]*)\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)


class Expression(NamedTuple):
    """An operation of `numformats.exact.OPERATIONS`, and what it is applied to."""

    name: str
    operands: tuple[str, ...]


def read_expression(text: str) -> Expression | None:
    """The one operation that a text asks for, or None if it is a number.

    ValueError for what is neither, with the way out. Names are read in any case, numbers as
    `numformats.exact.project` reads them; ``1/3`` is a number, and so it is as an operand.

    >>> read_expression("0.1+0.2"), read_expression("1/3")
    (Expression(name='add', operands=('0.1', '0.2')), None)
    >>> read_expression("fma(1/3, 3, -1)")
    Expression(name='fma', operands=('1/3', '3', '-1'))
    """
    if _is_number(text):
        return None
    call = _CALL.fullmatch(text)
    if call is not None:
        return _read_call(call[1].lower(), call[2])
    binary = _BINARY.fullmatch(text)
    if binary is None or not (_is_number(binary[1]) and _is_number(binary[3])):
        raise ValueError(f"x: {text!r} is no number and no operation; {_WAY_OUT}")
    return Expression(SYMBOLS[binary[2]], (binary[1], binary[3]))


def _read_call(name: str, inside: str) -> Expression:
    if name not in OPERATIONS:
        raise ValueError(unknown("x: operation", name, OPERATIONS))
    operands = tuple(part.strip() for part in inside.split(","))
    for operand in operands:
        if not _is_number(operand):
            raise ValueError(f"x: {name}: {operand!r} is no number; {_WAY_OUT}")
    return Expression(name, operands)


def _is_number(text: str) -> bool:
    try:
        read_number(text)
    except ValueError:
        return False
    return True
