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


# From the bottom up; a layer may import those before it, and what stands on one line does not know
# of each other.
LAYERS = [
    ["checks"],
    ["reals", "error_free", "irrational"],
    ["modes", "system"],
    ["exact"],
    ["codec"],
    ["formats"],
    ["arithmetic"],
    ["scaled"],
    ["names", "kernels"],
    ["warming"],
    ["tensor_files", "analysis", "testing", "benchmarks", "laws"],
    ["cli"],
]
# Within a layer of several packages, imports in one direction.
ALLOWED = {("analysis", "tensor_files"), ("error_free", "reals"), ("modes", "reals")}
ROOT = Path(numformats.__file__).parent
MODULES = {
    ".".join(["numformats", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(
        ".__init__"
    ): path
    for path in ROOT.rglob("*.py")
}


def imported(path: Path) -> set[str]:
    """The modules of ours that a module imports, in its functions, too, but for type checkers."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by dots"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return found & set(MODULES) - {"numformats"}


def layer_of(module: str) -> int:
    name = module.split(".")[1]
    (found,) = (i for i, names in enumerate(LAYERS) if name in names)
    return found


def test_imports_point_down() -> None:
    checked = 0
    for module, path in MODULES.items():
        if module in ("numformats", "numformats.__main__"):
            continue
        own = module.split(".")[1]
        for target in imported(path):
            other = target.split(".")[1]
            if other == own or (own, other) in ALLOWED:
                continue
            assert layer_of(target) < layer_of(module), f"{module} imports {target}"
            checked += 1
    assert checked > 200


def test_there_are_no_circles() -> None:
    """Whatever is imported by nothing that is left is taken away, until nothing is left."""
    graph = {module: imported(path) - {module} for module, path in MODULES.items()}
    graph.pop("numformats")
    while graph:
        free = {module for module, targets in graph.items() if not targets & set(graph)}
        assert free, f"circles among {sorted(graph)}"
        graph = {module: targets for module, targets in graph.items() if module not in free}


KINDS = {
    *("Format", "FloatFormat", "IntFormat", "FixedFormat", "TableFormat", "ScaledFormat"),
    *("StaircaseFormat", "TwosComplement", "WithoutExponent"),
}


def test_few_ask_what_kind_of_format_there_is() -> None:
    """A question that a kind of format could answer itself is a broken layer."""
    asked = [
        f"{module}: {ast.unparse(node)}"
        for module, path in MODULES.items()
        if not module.startswith("numformats.formats")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "isinstance"
        and KINDS & {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
    ]
    assert asked  # the resolver of names asks
    assert len(asked) <= 12, "\n".join(asked)
