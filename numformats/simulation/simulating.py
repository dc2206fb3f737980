"""`simulate`: a checkpoint again, with its matrices as a format would hold them."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np

import numformats
from numformats.checks import unknown
from numformats.codec.backends import prepare_for
from numformats.codec.random_bits import key_of
from numformats.formats.format import Format
from numformats.modes import Stochastic, parse_rounding
from numformats.scaled.catalogue import with_scales
from numformats.scaled.formats import ScaledFormat
from numformats.scaled.quantization import quantize
from numformats.scaled.rules import ScaleRule, get_rule
from numformats.simulation.checkpoints import Checkpoint, find_checkpoint, require_output
from numformats.simulation.results import Simulation, TensorResult
from numformats.simulation.selection import Chooser, Plan, Selection
from numformats.simulation.tensors import Way
from numformats.simulation.writing import Choice, Count, write_again
from numformats.tensor_files.opening import faults_named, printable
from numformats.tensor_files.safetensors_header import Header, read_header
from numformats.tensor_files.whole import whole_file, whole_folder

# What the metadata of a file has the note under.
KEY: Final = "numformats"


def simulate(
    checkpoint: str | os.PathLike[str],
    output: str | os.PathLike[str],
    fmt: str | Format | ScaledFormat | Mapping[str, str | Format | ScaledFormat | None],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    axis: int | None = None,
    scale_rule: str | ScaleRule | None = None,
    rounding: str | Stochastic = "nearest_even",
    seed: int = 0,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Simulation:
    """Write a checkpoint again, with its matrices as a format would hold them.

    The copy has the same tensors under the same names, of the same shapes and dtypes and in the
    same places, so that whatever reads the checkpoint reads the copy.

    Parameters
    ----------
    checkpoint : path
        A .safetensors file; or the index of several, or their folder.
    output : path
        The file, or for an index or a folder the folder, to be written. It is there whole, or not
        at all.
    fmt : str, Format or ScaledFormat, or a mapping
        The format of the matrices, as for `quantize`; or which tensor becomes which format, by
        name, where None and names that are not there stand for none.
    include, exclude : sequence of str
        Patterns of names as those of `fnmatch`, without regard to case. By default all tensors of
        floats of 16 bits or more with two axes or more are changed, but for those whose names are
        usual for embeddings, norms, biases, routers of experts and the output head
        (``numformats.simulation.LEFT_BY_NAME``). With `include` those that match it are changed,
        whatever is usual; those that match `exclude` never are.
    axis, scale_rule
        As for `quantize`.
    rounding : str or Stochastic
        The rounding mode of elements, as for `quantize`.
    seed : int
        The seed of stochastic rounding; that of each tensor is ``simulation.seed_of(seed, name)``.
    force : bool
        Whether the output may take the place of what is there: of a file, or of a folder that has
        nothing but what the copy has, too.
    progress : callable, optional
        Is called, in this thread, with how many tensors are written and how many there are: before
        the first one, and after each.

    Returns
    -------
    Simulation
        What was changed and how far, and what was left and why.

    Raises
    ------
    TensorFileError
        For a checkpoint that cannot be read; it is a ValueError.
    TypeError, ValueError
        For an unknown format, rule, mode or name of a tensor; an output that is the checkpoint, or
        is there already; and where no tensor is to be changed.
    OSError
        Where the output cannot be written.

    Notes
    -----
    Each value is ``quantize(x, fmt).dequantize(x.dtype)`` of the tensor ``x``: the product of
    element and scale, rounded once to the tensor's dtype, to nearest with ties to even. float32
    holds the products of most formats, bfloat16 those of few.

    Large tensors are changed in parts, so that memory does not grow with them; except under
    stochastic rounding, and where scales depend on more of the tensor than its largest magnitude.

    Examples
    --------
    >>> import numformats as nf, numpy as np, tempfile
    >>> from pathlib import Path
    >>> from safetensors.numpy import load_file, save_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> before, after = Path(folder.name, "a.safetensors"), Path(folder.name, "b.safetensors")
    >>> save_file({"w": np.float32([[0.1, -0.5, 3.0, 24.0]]), "norm": np.ones(4)}, before)
    >>> print(nf.simulate(before, after, "mxfp4"))
    1 tensor (16 bytes) as mxfp4: SQNR 26.67 dB, stored 3 bytes
    1 tensor (32 bytes) left as they were:
      fewer than two axes: 1 tensor (32 bytes)
    all: 48 bytes, stored so 35 bytes
    >>> load_file(after)["w"]
    array([[ 0., -0.,  4., 24.]], dtype=float32)
    >>> folder.cleanup()
    """
    way = _read_way(axis, scale_rule, rounding, seed)
    chooser = _read_formats(fmt, include, exclude)
    for each in chooser.formats_used:
        _require_fit(each, way)
    source, target = find_checkpoint(Path(checkpoint)), Path(output)
    require_output(target, source, force)
    headers = [read_header(file) for file in source.files]
    choices = [_choice(chooser, header, source) for header in headers]
    _require_names(chooser, headers)
    _require_some(choices, source)
    prepare_for(2 * sum(choice.values for choice in choices))
    shards = list(zip(source.files, headers, choices, strict=True))
    count = Count(sum(len(header.tensors) for header in headers), progress)
    if not source.is_folder:
        with whole_file(target, may_replace=force) as stream:
            tensors = _write(stream, shards[0], way, count)
        return Simulation(target, tuple(tensors))
    with whole_folder(target, may_replace=force) as folder:
        tensors = _write_folder(folder, source, shards, way, count)
    others = tuple(path.name for path in source.others)
    return Simulation(target, tuple(tensors), len(shards), others, source.not_copied)


Shard: TypeAlias = tuple[Path, Header, Choice]


def _write_folder(
    folder: Path, source: Checkpoint, shards: list[Shard], way: Way, count: Count
) -> list[TensorResult]:
    """Write all files of a checkpoint to a folder, under their names."""
    tensors: list[TensorResult] = []
    for shard in shards:
        path = folder / shard[0].relative_to(source.source)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            tensors += _write(stream, shard, way, count)
    for other in source.others:
        # What cannot be read is not the output's fault.
        with faults_named(str(other)):
            before = other.open("rb")
        with before, (folder / other.name).open("xb") as stream:
            shutil.copyfileobj(before, stream)
    return tensors


def _write(stream: BinaryIO, shard: Shard, way: Way, count: Count) -> list[TensorResult]:
    """Write one file, with a note in its metadata."""
    _, header, choice = shard
    note = _note(header, choice, way)
    return write_again(stream, header, header.with_metadata(KEY, note), choice, way, count)


def _note(header: Header, choice: Choice, way: Way) -> str:
    """What the metadata says of the file: how it came about, and what it said before."""
    rule = way.scale_rule
    about = {
        "simulated": {name: fmt.name for name, fmt in choice.formats.items()},
        "rounding": str(way.rounding),
        "seed": way.seed if way.is_random else None,
        "axis": way.axis,
        "scale_rule": None if rule is None else asdict(rule),
        "version": numformats.__version__,
        "before": header.metadata.get(KEY),
    }
    return json.dumps({key: value for key, value in about.items() if value is not None})


def _read_way(
    axis: int | None, scale_rule: str | ScaleRule | None, rounding: str | Stochastic, seed: int
) -> Way:
    rule = None if scale_rule is None else get_rule(scale_rule)
    return Way(axis, rule, parse_rounding(rounding), key_of(seed))


def _read_formats(fmt: Any, include: Sequence[str], exclude: Sequence[str]) -> Chooser:
    if not isinstance(fmt, Mapping):
        patterns = _patterns("include", include), _patterns("exclude", exclude)
        return Selection(with_scales(fmt), *patterns)
    if include or exclude:
        raise ValueError("include, exclude: a mapping of names says itself what is changed")
    return Plan({name: None if own is None else with_scales(own) for name, own in fmt.items()})


def _patterns(argument: str, given: Sequence[str]) -> tuple[str, ...]:
    """Patterns of names, of which a lone text would be many short ones."""
    if isinstance(given, str):
        raise TypeError(f"{argument}: {given!r}; expected a list of patterns, [{given!r}]")
    return tuple(given)


def _require_fit(fmt: ScaledFormat, way: Way) -> None:
    """What `quantize` raises for a rule or a rounding mode that is not for a format."""
    some = np.zeros((2, 2), np.float32)
    quantize(some, fmt, scale_rule=way.scale_rule, rounding=way.rounding, rng=0)


def _choice(chooser: Chooser, header: Header, source: Checkpoint) -> Choice:
    formats: dict[str, ScaledFormat] = {}
    left: dict[str, str] = {}
    values = 0
    for tensor in header.tensors:
        reason = chooser.reason_to_leave(tensor.name, tensor.dtype_name, tensor.shape)
        # By name a part may be changed, whatever it is for.
        if reason is None and tensor.name not in chooser.names:
            reason = source.reason_to_leave(tensor)
        fmt = chooser.format_of(tensor.name)
        if reason is None and fmt is not None:
            formats[tensor.name] = fmt
            values += tensor.size
        else:
            left[tensor.name] = reason or "no format"
    return Choice(formats, left, values)


def _require_names(chooser: Chooser, headers: list[Header]) -> None:
    """ValueError for the name of a tensor that is not there."""
    known = {tensor.name for header in headers for tensor in header.tensors}
    for name in chooser.names - known:
        raise ValueError(unknown("fmt", name, known))


def _require_some(choices: list[Choice], source: Checkpoint) -> None:
    """ValueError where no tensor is to be changed."""
    if any(choice.formats for choice in choices):
        return
    reasons = Counter(reason for choice in choices for reason in choice.left.values())
    told = "; ".join(f"{count} {why}" for why, count in reasons.most_common(3)) or "there is none"
    if source.packed_as is not None:
        told += f"; its weights are packed ({source.packed_as}), and are not unpacked"
    raise ValueError(f"{printable(str(source.source))}: no tensor to change: {told}")
