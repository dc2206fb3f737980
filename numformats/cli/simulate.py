"""`numformats simulate`: a checkpoint again, with its matrices as a format would hold them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numformats.cli.outputs import jsonable, make_writable, tell, write_fault
from numformats.cli.plan_files import read_plan
from numformats.cli.progress import progress_bar
from numformats.simulation.results import Simulation
from numformats.simulation.simulating import simulate
from numformats.tensor_files.opening import describe_fault, printable


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """What was asked for.

    formats: one for all matrices, or those of tensors by name.
    """

    checkpoint: Path
    output: Path
    formats: str | Mapping[str, str | None]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    axis: int | None = None
    scale_rule: str | None = None
    rounding: str = "nearest_even"
    seed: int = 0
    force: bool = False
    as_json: bool = False
    verbose: bool = False

    @classmethod
    def parse(
        cls,
        *,
        format_name: str | None,
        plan: Path | None,
        include: Sequence[str] | None,
        exclude: Sequence[str] | None,
        **others: Any,
    ) -> SimulateOptions:
        """The options of a command line; ValueError for what makes no sense."""
        if (format_name is None) == (plan is None):
            raise ValueError("--format, --plan: give one of them")
        return cls(
            formats=read_plan(plan) if plan is not None else str(format_name),
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            **others,
        )


def run(options: SimulateOptions) -> int:
    """Write the copy and tell what it is; the exit status.

    ValueError or TypeError for what cannot be done. 2, with a line on stderr, where the output
    or standard output cannot be written.
    """
    make_writable()
    try:
        with progress_bar(printable(str(options.checkpoint))) as show:
            found = simulate(
                options.checkpoint,
                options.output,
                options.formats,
                include=options.include,
                exclude=options.exclude,
                axis=options.axis,
                scale_rule=options.scale_rule,
                rounding=options.rounding,
                seed=options.seed,
                force=options.force,
                progress=show,
            )
    except OSError as error:
        print(f"numformats simulate: {write_fault(options.output, error)}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"numformats simulate: {describe_fault(error)}", file=sys.stderr)
        return 2
    return tell("simulate", _told(found, options))


def _told(found: Simulation, options: SimulateOptions) -> str:
    if options.as_json:
        return json.dumps(jsonable(found.to_record()))
    return "\n".join(map(printable, found.lines(options.verbose)))
