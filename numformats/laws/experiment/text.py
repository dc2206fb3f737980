"""The text that the models of the experiment learn: which, as which symbols, and what is held out.

The default text is the Python standard library's own sources. They are on every machine that runs
this package, in megabytes, under a licence that needs no second thought, so that the experiment
needs no download and ships no data; and what it shows does not hang on the text: prose shows the
same. They differ from one Python to the next, and so each result names its text by a digest.
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

SYMBOLS: Final = 64
# Characters of a held-out block, and how many blocks there are: with ten characters before the
# first that is predicted, 99,500 predictions.
BLOCK: Final = 2000
BLOCKS: Final = 50
# What is held out is a quarter at the most.
SHORTEST: Final = 4 * BLOCK * BLOCKS

# Not everybody has tests, what others wrote is no part of the library, and codecs are tables.
_LEFT_OUT: Final = frozenset({"site-packages", "dist-packages", "test", "tests", "encodings"})


@dataclass(frozen=True, eq=False)
class Text:
    """A text as symbols, in two parts.

    Attributes
    ----------
    name : str
        What reports call it.
    digest : str
        Twelve hexadecimal digits of the SHA-256 of its bytes.
    training : ndarray of uint8
        What models are trained on: all but the held-out blocks, joined.
    held_out : ndarray of uint8
        The held-out blocks, one in a row.
    """

    name: str
    digest: str
    training: NDArray[np.uint8]
    held_out: NDArray[np.uint8]


def library_text() -> Text:
    """The sources of this Python's standard library, file after file in the order of their paths.

    ValueError where the library is not there as files, as in some embedded Pythons.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    content = b"".join(path.read_bytes() for path in _sources(root))
    if len(content) < SHORTEST:
        raise ValueError(
            f"text: no sources of the standard library in {root}; name a file with --text"
        )
    return text_of(content, "the Python standard library's sources")


def _sources(root: Path) -> Iterator[Path]:
    paths = ((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py"))
    for name, path in sorted(paths):
        if not _LEFT_OUT & set(name.split("/")):
            yield path


def read_text(path: Path) -> Text:
    """The text of a file of any encoding: its bytes are what is learned.

    OSError where it cannot be read, ValueError where it is too short.
    """
    return text_of(path.read_bytes(), path.name)


def text_of(content: bytes, name: str) -> Text:
    """Bytes as a text: symbols, and the blocks that are held out, the same ones at each call.

    Each of the 63 commonest bytes is a symbol, in the order of how common they are, and all others
    are the 64th. Blocks are drawn from the whole text, since its parts differ in style. The seams
    that they leave are few (one for each) and are learned across.

    ValueError for fewer than 400,000 bytes.

    >>> text = text_of(b"the quick brown fox " * 20_000, "foxes")
    >>> text.held_out.shape, text.training.size, int(text.training.max())
    ((50, 2000), 300000, 15)
    """
    if len(content) < SHORTEST:
        raise ValueError(
            f"text: {name} has {len(content):,} bytes; {SHORTEST:,} are the fewest to learn from"
        )
    symbols = _symbols(np.frombuffer(content, np.uint8))
    whole = symbols.size // BLOCK
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(whole, BLOCKS, replace=False))
    is_held_out = np.zeros(symbols.size, bool)
    is_held_out[: whole * BLOCK].reshape(whole, BLOCK)[chosen] = True
    return Text(
        name=name,
        digest=hashlib.sha256(content).hexdigest()[:12],
        training=symbols[~is_held_out],
        held_out=symbols[is_held_out].reshape(BLOCKS, BLOCK),
    )


def _symbols(content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    counts = np.bincount(content, minlength=256)
    # Stable, so that of two equally common bytes the lower comes first.
    commonest = np.argsort(-counts, kind="stable")[: SYMBOLS - 1]
    symbol_of = np.full(256, SYMBOLS - 1, np.uint8)
    symbol_of[commonest] = np.arange(SYMBOLS - 1)
    return symbol_of[content]
