"""Which tensors of a checkpoint become those of a format, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from numformats.scaled.formats import ScaledFormat
from numformats.tensor_files.selection import CHANGED_DTYPES, Matrices


class Chooser(Protocol):
    """What says which tensors become those of which format."""

    @property
    def names(self) -> frozenset[str]:
        """The names that have to be there."""

    @property
    def formats_used(self) -> tuple[ScaledFormat, ...]:
        """The formats that tensors may become."""

    def format_of(self, name: str) -> ScaledFormat | None:
        """The format of a tensor that is not left."""

    def reason_to_leave(self, name: str, dtype_name: str, shape: Sequence[int]) -> str | None:
        """Why a tensor is left as it is; None for one to be changed."""


@dataclass(frozen=True)
class Selection:
    """One format for all tensors that match a pattern of `include`, and none of `exclude`; for all
    but `LEFT_BY_NAME`, if there is none to include.

    Patterns are those of `fnmatch` (``*``, ``?``, ``[abc]``), and take no notice of case.
    """

    format: ScaledFormat
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names that have to be there: none."""
        return frozenset()

    @property
    def formats_used(self) -> tuple[ScaledFormat, ...]:
        """The formats that tensors may become."""
        return (self.format,)

    def format_of(self, name: str) -> ScaledFormat | None:
        """The format of a tensor that is not left."""
        return self.format

    def reason_to_leave(self, name: str, dtype_name: str, shape: Sequence[int]) -> str | None:
        """Why a tensor is left as it is; None for one to be changed.

        >>> import numformats as nf
        >>> usual = Selection(nf.get_scaled_format("mxfp4"))
        >>> usual.reason_to_leave("model.embed_tokens.weight", "bfloat16", (8, 8))
        'embeddings'
        """
        matrices = Matrices(self.include, self.exclude)
        return matrices.reason_to_leave(name, dtype_name, shape)


@dataclass(frozen=True)
class Plan:
    """Which tensor becomes which format, by name; None and names that are not there: none."""

    formats: Mapping[str, ScaledFormat | None]

    @property
    def names(self) -> frozenset[str]:
        """The names that have to be there."""
        return frozenset(self.formats)

    @property
    def formats_used(self) -> tuple[ScaledFormat, ...]:
        """The formats that tensors may become."""
        return tuple(dict.fromkeys(fmt for fmt in self.formats.values() if fmt is not None))

    def format_of(self, name: str) -> ScaledFormat | None:
        """The format of a tensor that is not left."""
        return self.formats.get(name)

    def reason_to_leave(self, name: str, dtype_name: str, shape: Sequence[int]) -> str | None:
        """Why a tensor is left as it is; None for one to be changed.

        ValueError for one that is to be changed, and cannot.
        """
        if name not in self.formats:
            return "not in the plan"
        if self.formats[name] is None:
            return "left by the plan"
        if dtype_name not in CHANGED_DTYPES:
            raise ValueError(
                f"plan: {name} is {dtype_name}; only floats of 16 to 64 bits can be changed"
            )
        return "empty" if 0 in shape else None
