"""The exceptions of IEEE 754 as bits."""

from __future__ import annotations

from enum import IntFlag


class Flags(IntFlag):
    """The exceptions of IEEE 754-2019, clause 7, with the bits that Berkeley TestFloat gives them.

    >>> Flags.OVERFLOW | Flags.INEXACT
    <Flags.INEXACT|OVERFLOW: 5>
    """

    INEXACT = 1
    UNDERFLOW = 2
    OVERFLOW = 4
    INVALID = 16
