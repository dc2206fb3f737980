"""What importing the package loads, and that its layers point down."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numformats

HEAVY = ("numba", "matplotlib", "rich", "typer", "hypothesis", "safetensors", "torch", "scipy")


def test_importing_loads_nothing_heavy() -> None:
    code = "import numformats, sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert not loaded & set(HEAVY)


def test_encoding_and_comparing_load_nothing_heavy() -> None:
    code = (
        "import numformats as nf, sys; nf.compare([1.0, 2.0]); nf.int8.encode([1]);"
        "print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert not loaded & (set(HEAVY) - {"numba"})


# From the bottom up; a layer may import those before it.
LAYERS = [
    "formats",
    "rounding",
    "numbers",
    "exact",
    "codec",
    "scaled",
    "analysis",
    "testing",
    "cli",
]
ROOT = Path(numformats.__file__).parent


def layer_of(module: str) -> str:
    return module.split(".")[1]


def imported(node: ast.AST) -> set[str]:
    """The modules of ours that a module imports when it is loaded itself."""
    if isinstance(node, ast.FunctionDef | ast.If):
        return set()  # imports made when called, or for type checkers alone
    found: set[str] = set()
    if isinstance(node, ast.ImportFrom) and node.module == "numformats":
        found = {f"numformats.{alias.name}" for alias in node.names}
    elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("numformats."):
        found = {str(node.module)}
    return found.union(*map(imported, ast.iter_child_nodes(node)))


def test_imports_point_down() -> None:
    checked = 0
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in ("__init__", "__main__"):
            continue
        layer = LAYERS.index(parts[0])
        for module in imported(ast.parse(path.read_text())):
            assert LAYERS.index(layer_of(module)) <= layer, f"{path} imports {module}"
            checked += 1
    assert checked > 50
