"""The page for the browser as a file; what it does in one, the tests marked `browser` ask."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import numformats as nf
from numformats.formats.registry import ALIASES
from numformats.modes import ROUNDING_NAMES
from numformats.page import build
from numformats.page.assembly import SCRIPTS
from numformats.page.formats import all_families, described, families, runs


def page_data() -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', build(), re.S)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_it_is_one_file_that_asks_for_no_other() -> None:
    page = build()
    assert len(page.encode()) < 400_000
    assert "{{" not in page
    # The one address is the name of SVG elements, which nobody fetches.
    assert re.findall(r"https?://[^\s\"']+", page) == ["http://www.w3.org/2000/svg"]
    for word in ("@import", "url(", "fetch(", "XMLHttpRequest", "<link", "<iframe", "import "):
        assert word not in page
    assert re.findall(r"<script(?![^>]*json)[^>]*>", page) == ["<script>"]


def test_all_its_scripts_are_in_it() -> None:
    folder = files("numformats.page").joinpath("scripts")
    names = {Path(entry.name).stem for entry in folder.iterdir()}
    assert names == set(SCRIPTS)


def test_scripts_are_ordered_by_what_they_use() -> None:
    """Each calls functions of its own and of those before it."""
    folder = files("numformats.page").joinpath("scripts")
    sources = {name: folder.joinpath(f"{name}.js").read_text() for name in SCRIPTS}
    defined = {
        name: set(re.findall(r"^(?:function|const|let) (\w+)", source, re.M))
        for name, source in sources.items()
    }
    for place, (name, source) in enumerate(sources.items()):
        later = set().union(*(defined[other] for other in SCRIPTS[place + 1 :]))
        code = re.sub(r"//.*", "", source)
        # Methods may be called as functions of other scripts are.
        code = re.sub(r"^ +\w+\(.*\) \{$", "", code, flags=re.M)
        code = re.sub(r"`[^`]*`|\"[^\"]*\"", "", code)
        used = set(re.findall(r"(?<![.\w])(\w+)\(", code)) & later
        used -= set(re.findall(r"^ +(?:function|const) (\w+)", source, re.M))
        assert not used, f"{name}.js uses {used}"


def test_no_name_stands_for_two_things() -> None:
    folder = files("numformats.page").joinpath("scripts")
    names = [
        found
        for name in SCRIPTS
        for found in re.findall(
            r"^(?:async )?(?:function|const|let) (\w+)",
            folder.joinpath(f"{name}.js").read_text(),
            re.M,
        )
    ]
    assert len(names) == len(set(names)), {name for name in names if names.count(name) > 1}


def test_it_has_every_named_format_alias_and_mode() -> None:
    data = page_data()
    names = {fmt["name"] for family in data["families"] for fmt in family["formats"]}  # type: ignore[attr-defined]
    assert names >= {*nf.list_formats(), *nf.list_formats("p3109")}
    assert data["aliases"] == {alias: fmt.name for alias, fmt in ALIASES.items()}
    assert list(data["rules"]) == list(ROUNDING_NAMES)  # type: ignore[call-overload]


def test_a_format_is_told_by_what_differs_from_the_plain() -> None:
    assert described(nf.int8) == {
        "name": "int8",
        "bits": 8,
        "lowest": -128,
        "highest": 127,
        "overflow": "max",
        "lattice": {
            "trailing_bits": 0,
            "lowest_quantum": 0,
            "floating": False,
            "complement": True,
        },
        "wraps": True,
    }
    assert described(nf.float8_e4m3fn)["nan"] == [0x7F, 0xFF]
    assert "infinity" not in described(nf.float8_e4m3fn)
    assert described(nf.hifloat8)["table"]["beyond"] == 49152
    assert described(nf.get_format("float8_e8m0fnu"))["ties"] == "significand"


def test_numbers_as_runs_are_the_numbers() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        numbers = [None, *np.cumsum(rng.integers(-1, 2, rng.integers(1, 40))).tolist(), None]
        again = []
        for first, difference, count in runs(numbers):
            again += [None if first is None else first + i * difference for i in range(count)]
        assert again == numbers


@pytest.mark.parametrize("name", ["log_takum8", "log_takum16", "lns8_3", "lns16_8"])
def test_powers_are_those_of_values_and_boundaries(name: str) -> None:
    """Values and boundaries in turn, whose exponents grow."""
    fmt = nf.get_format(name)
    base, fraction_bits, exponents = fmt.powers
    count = fmt.highest_step // 2
    assert len(exponents) == 2 * count
    known = [exponent for exponent in exponents if exponent is not None]
    assert all(a < b for a, b in pairwise(known))
    logarithm = {"2": np.log(2), "e": 1.0}[base]
    for number in (1, 2, count // 2, count):
        exponent = exponents[2 * number - 1] / 2**fraction_bits
        value = float(fmt.value_of_step(count + number))
        assert np.isclose(np.log(value), exponent * logarithm, rtol=1e-14, atol=1e-14)


def test_every_format_is_in_one_family() -> None:
    names = [fmt.name for family in all_families() for fmt in family.formats]
    assert len(names) == len(set(names))
    assert [family["title"] for family in families()] == [f.title for f in all_families()]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "numformats", "page", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = run(file)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{file}: open it in a browser\n"
    assert file.read_text(encoding="utf-8") == build()


def test_the_command_says_why_it_cannot(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "none" / "page.html"):
        result = run(target)
        assert result.returncode == 2
        assert result.stderr.startswith("numformats page: ")
        assert result.stderr.count("\n") == 1


def test_the_command_writes_to_standard_output_nothing_else() -> None:
    result = run("/dev/stdout")
    assert result.returncode == 0
    assert result.stdout == build()
