"""Print the record of the exhaustive suite as a table for the docs."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

PROOFS = Path(__file__).parents[1] / ".proofs.jsonl"


def main() -> None:
    """One row a format, with the proofs of the latest code."""
    proofs = [json.loads(line) for line in PROOFS.read_text().splitlines()]
    latest = proofs[-1]["digest"]
    seconds: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for proof in proofs:
        if proof["digest"] == latest:
            seconds[proof["format"], proof["inputs"]].append(proof["seconds"])
    print("| format | inputs of each proof | modes proved | seconds for each |")
    print("|---|---|---|---|")
    for (name, inputs), taken in seconds.items():
        print(f"| {name} | {inputs:,} | {len(taken)} | {min(taken)} to {max(taken)} |")
    print(f"\n{sum(map(len, seconds.values()))} proofs, {sum(map(sum, seconds.values())):.0f} s")


if __name__ == "__main__":
    main()
