"""The notebooks of the course: stored as people should get them, and their code runs."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

FOLDER: Final = Path(__file__).parent.parent / "docs" / "course"
NOTEBOOKS: Final = sorted(FOLDER.glob("*.ipynb"))

# What a notebook shows, and its text speaks of.
SHOWN: Final = {
    "1_formats": ("0.1015625", "NaN 6   inf 2", "253", "2.75", "True", "2049"),
    "2_rounding": (
        "[0. 2. 2. 4.]",
        "ml_dtypes  nan",
        "cuda       448.0",
        "once            1.125",
        "first   1.0",
        "4.0",
        "[1.   1.25 1.25]",
        "position 2/3",
    ),
    "3_fp8": (
        "0x78 is          256.0    0x80 is -0.0",
        "0x78 is          128.0    0x80 is nan",
        "become zero  98.8%",
        "[0.5]",
    ),
    "4_block_scales": (
        "as they are     1.1%\nwith one of 500 92.3%",
        "codes in use 4 of 256",
        "float8_e4m3fn  as they are  2.63%   with one of 500  2.66%",
        "mxfp4  scale 1.0000  [ 0.  -0.5  3.   6. ]",
    ),
    "5_arithmetic": (
        "float8_e4m3fn    16.0",
        "float16   False   0.2998047 0.30004883",
        "exact         -0.875\nh100_float16  -0.75\na100_float16  -0.5\nv100_float16  0.0",
        "Hopper              4923.5",
        "[32.0, 8.0]",
    ),
    "6_law": ("51", "4.9 times the harm", "4.3e+10 tokens", "a bit: 5.4 times less"),
}


def cells_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def is_answer(cell: dict[str, Any]) -> bool:
    return "hide-cell" in cell["metadata"].get("tags", ())


@dataclass
class Ran:
    """What a cell of code wrote, and how many pictures it drew."""

    text: str
    pictures: int


def run_cell(source: str, names: dict[str, Any]) -> str:
    """What a cell prints, and the value of its last line where that is an expression."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
            if value is not None:
                print(value)
    return written.getvalue()


def run_cells(path: Path) -> Iterator[tuple[dict[str, Any], Ran]]:
    """Run the cells of code one after the other, as a notebook does."""
    from matplotlib import pyplot

    pyplot.close("all")
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells_of(path):
        if cell["cell_type"] == "code":
            text = run_cell("".join(cell["source"]), names)
            yield cell, Ran(text, len(pyplot.get_fignums()))
            pyplot.close("all")


def test_there_are_six() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(SHOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_stored(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_is_followed_by_its_answer_and_nothing_else_is_hidden(path: Path) -> None:
    cells = cells_of(path)
    asked = [n for n, cell in enumerate(cells) if "**Exercise" in "".join(cell["source"])]
    assert len(asked) >= 3
    for number, place in enumerate(asked, start=1):
        assert f"**Exercise {number}.**" in "".join(cells[place]["source"])
    assert [n + 1 for n in asked] == [n for n, cell in enumerate(cells) if is_answer(cell)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_code_runs_and_shows_what_the_text_says(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(FOLDER)  # where Jupyter and the site run it
    text = ""
    for cell, ran in run_cells(path):
        text += ran.text
        has_alt = bool(cell["metadata"].get("mystnb", {}).get("image", {}).get("alt"))
        assert has_alt == (ran.pictures > 0), f"{cell['id']}: a picture has an alt text"
    for shown in SHOWN[path.stem]:
        assert shown in text, shown
