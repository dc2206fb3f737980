"""Which tensors of a checkpoint are stored in a narrow format, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

# What is left unless it is asked for by name: the usual names of the tensors that papers on
# quantized weights leave in high precision, and what to call them.
LEFT_BY_NAME: Final = (
    ("*embed*", "embeddings"),
    ("*wte*", "embeddings"),
    ("*wpe*", "embeddings"),
    ("*norm*", "norms"),
    ("*ln_*", "norms"),
    ("lm_head*", "output head"),
    ("*.lm_head*", "output head"),
    ("output.weight", "output head"),
    ("*bias", "biases"),
    ("*router*", "routers of experts"),
    ("*.gate.weight", "routers of experts"),
    ("*scale*", "scales of packed weights"),
    ("*absmax*", "scales of packed weights"),
)
# The dtypes that weights are computed with. Narrower ones are what they are stored in, and go
# with scales that a cast of them alone would not know of.
CHANGED_DTYPES: Final = ("bfloat16", "float16", "float32", "float64")
_FEWEST_AXES: Final = 2


@dataclass(frozen=True)
class Matrices:
    """The matrices that match a pattern of `include`, and none of `exclude`; without any to include
    all but `LEFT_BY_NAME`.

    Patterns are those of `fnmatch` (``*``, ``?``, ``[abc]``), and take no notice of case.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def reason_to_leave(self, name: str, dtype_name: str, shape: Sequence[int]) -> str | None:
        """Why a tensor is left as it is; None for one to be changed.

        >>> Matrices().reason_to_leave("model.embed_tokens.weight", "bfloat16", (8, 8))
        'embeddings'
        """
        if dtype_name not in CHANGED_DTYPES:
            return f"{dtype_name}, not floats of 16 to 64 bits"
        if 0 in shape:
            return "empty"
        for pattern in self.exclude:
            if _matches(name, pattern):
                return f"excluded by {pattern}"
        if self.include and not any(_matches(name, pattern) for pattern in self.include):
            return "not included"
        if len(shape) < _FEWEST_AXES:
            return "fewer than two axes"
        left = () if self.include else LEFT_BY_NAME
        return next((what for pattern, what in left if _matches(name, pattern)), None)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())
