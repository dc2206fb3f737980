"""`numformats plan`: which format for which tensor of a checkpoint, within a budget of bits."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from numformats.analysis.allocating import (
    MeasuredTensor,
    allocate_measured,
    measure_tensor,
    read_formats,
)
from numformats.analysis.allocation import Allocation
from numformats.analysis.weights import NothingToCompareError, stored_bits, weights_of
from numformats.cli.outputs import (
    jsonable,
    make_writable,
    require_no_tensors,
    tell,
    write_fault,
)
from numformats.cli.plan_files import read_weights, require_plan_or_nothing, write_plan
from numformats.cli.progress import with_progress
from numformats.scaled.formats import ScaledFormat
from numformats.simulation.checkpoints import find_checkpoint
from numformats.simulation.results import size
from numformats.tensor_files.opening import (
    TensorEntry,
    TensorFileError,
    describe_fault,
    open_tensors,
    printable,
)
from numformats.tensor_files.selection import LEFT_BY_NAME, Matrices
from numformats.tensor_files.whole import whole_file

DEFAULT_FORMATS: Final = (
    *("bfloat16", "int8_channel", "mxfp8_e4m3", "mxfp6_e2m3", "mxfp6_e3m2"),
    *("nvfp4", "nf4", "int4_g32", "int4_g128", "mxfp4"),
)


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What was asked for, checked before the checkpoint is opened.

    weights: what a squared error counts in each tensor; None to count by size.
    """

    checkpoint: Path
    budget: float
    formats: tuple[ScaledFormat, ...]
    selection: Matrices
    weights: Mapping[str, float] | None = None
    output: Path | None = None
    as_json: bool = False
    verbose: bool = False

    @classmethod
    def parse(
        cls,
        *,
        budget: float,
        formats: str,
        include: Sequence[str] | None,
        exclude: Sequence[str] | None,
        sensitivity: Path | None,
        checkpoint: Path,
        output: Path | None,
        **others: Any,
    ) -> PlanOptions:
        """The options of a command line; ValueError or TypeError for what makes no sense."""
        names = [name.strip() for name in formats.split(",") if name.strip()]
        if not names:
            raise ValueError("--formats: no format named")
        if not 0 < budget < math.inf:
            raise ValueError(f"--budget: {budget:g}; expected bits per value above 0, such as 4.5")
        if output is not None:
            require_no_tensors("--output", output, [checkpoint])
            require_plan_or_nothing("--output", output)
        return cls(
            checkpoint=checkpoint,
            output=output,
            budget=budget,
            formats=read_formats(names),
            selection=Matrices(tuple(include or ()), tuple(exclude or ())),
            weights=None if sensitivity is None else read_weights(sensitivity),
            **others,
        )


@dataclass
class _Left:
    """The tensors that are not planned, by the reason why: how many, and their bytes."""

    reasons: dict[str, tuple[int, float]] = field(default_factory=dict)

    def add(self, entry: TensorEntry, reason: str) -> None:
        count, nbytes = self.reasons.get(reason, (0, 0.0))
        self.reasons[reason] = count + 1, nbytes + stored_bits(entry) / 8

    @property
    def has_usual_names(self) -> bool:
        """Whether some are left for nothing but their names."""
        return any(what in self.reasons for _, what in LEFT_BY_NAME)

    def lines(self) -> list[str]:
        told = [
            f"  {reason}: {count} ({size(nbytes)})"
            for reason, (count, nbytes) in sorted(self.reasons.items(), key=lambda r: -r[1][0])
        ]
        return ["left as they are:", *told] if told else []

    def to_record(self) -> dict[str, dict[str, float | None]]:
        return {
            reason: {"tensors": count, "bytes": None if math.isnan(nbytes) else nbytes}
            for reason, (count, nbytes) in self.reasons.items()
        }


def plan(options: PlanOptions) -> int:
    """Find the plan, tell of it and write it; the exit status.

    ValueError or TypeError for what cannot be done. 2, with a line on stderr, where the plan cannot
    be written, which is told all the same; or where memory does not suffice.
    """
    make_writable()
    left = _Left()
    try:
        measured = _measured(options, left)
    except MemoryError as error:
        print(f"numformats plan: {describe_fault(error)}", file=sys.stderr)
        return 2
    if not measured:
        raise ValueError(_nothing_to_plan(options, left))
    found = allocate_measured(measured, options.formats, options.budget, options.weights)
    fault = None if options.output is None else _write(found, options.output)
    told = [_told(found, left, options)]
    if fault is None and options.output is not None and not options.as_json:
        told.append(_written(options.output, options.checkpoint, found))
    status = tell("plan", "\n".join(told))
    if fault is not None:
        print(f"numformats plan: {fault}", file=sys.stderr)
        return 2
    return status


def _nothing_to_plan(options: PlanOptions, left: _Left) -> str:
    reasons = "; ".join(f"{count} {reason}" for reason, (count, _) in left.reasons.items())
    hint = "; --include '*' takes all matrices" if left.has_usual_names else ""
    shown = printable(str(options.checkpoint))
    return f"{shown}: no tensor to plan for: {reasons or 'there is none'}{hint}"


def _written(output: Path, checkpoint: Path, found: Allocation) -> str:
    """Where the plan is, and whether `simulate` takes it: it changes tensors as they are stored."""
    shown = printable(str(output))
    try:
        names = find_checkpoint(checkpoint).plain_names
    except TensorFileError:
        names = frozenset()
    if names.issuperset(found.formats):
        return f"written to {shown}; numformats simulate CHECKPOINT --plan {shown} takes it"
    return (
        f"written to {shown}; numformats simulate does not take it: it writes .safetensors files, "
        "and does not unpack weights"
    )


def _write(found: Allocation, path: Path) -> str | None:
    """Write the plan. Returns the fault, if there is one."""
    try:
        with whole_file(path) as stream:
            write_plan(stream, found.formats)
    except OSError as error:
        return write_fault(path, error)
    return None


def _measured(options: PlanOptions, left: _Left) -> list[MeasuredTensor]:
    """What each format would cost each tensor that is to be planned."""
    found: list[MeasuredTensor] = []
    entries = open_tensors(options.checkpoint)
    for entry in with_progress(entries, printable(str(options.checkpoint))):
        reason = entry.problem or options.selection.reason_to_leave(
            entry.name, entry.dtype_name, entry.shape
        )
        if reason is None:
            try:
                values = weights_of(entry)
            except NothingToCompareError as error:
                reason = str(error)
            else:
                own = measure_tensor(entry.name, values, options.formats, rounding="nearest_even")
                found.append(own)
        if reason is not None:
            left.add(entry, reason)
    return found


def _told(found: Allocation, left: _Left, options: PlanOptions) -> str:
    if options.as_json:
        record = {**found.to_record(), "plan": found.formats, "left": left.to_record()}
        return json.dumps(jsonable(record))
    return "\n".join(map(printable, [*found.lines(options.verbose), *left.lines()]))
