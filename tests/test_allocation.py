"""`allocate`: against all choices tried one by one, and against another solver."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest

import numformats as nf
from numformats.analysis import knapsack
from numformats.analysis.knapsack import cheapest

Options = list[np.ndarray]


def least_cost(sizes: Options, costs: Options, limit: int) -> float:
    """The smallest cost of all choices within a limit, infinite if there is none."""
    found = math.inf
    for choice in itertools.product(*(range(own.size) for own in sizes)):
        if sum(int(own[k]) for own, k in zip(sizes, choice, strict=True)) <= limit:
            found = min(found, sum(own[k] for own, k in zip(costs, choice, strict=True)))
    return found


def random_options(rng: np.random.Generator, few_costs: bool) -> tuple[Options, Options, int]:
    count = rng.integers(1, 7)
    sizes = [rng.integers(0, 30, rng.integers(1, 5)) for _ in range(count)]
    few = np.array([0.0, 1.0, 2.0, 3.5, np.inf])
    costs = [rng.choice(few, s.size) if few_costs else rng.random(s.size) for s in sizes]
    return sizes, costs, int(rng.integers(0, 20 * count))


@pytest.mark.parametrize("few_costs", [False, True])
def test_the_cheapest_choice_is_that_of_all_choices(few_costs: bool) -> None:
    rng = np.random.default_rng(5)
    found_some = 0
    for _ in range(400):
        sizes, costs, limit = random_options(rng, few_costs)
        best, found = least_cost(sizes, costs, limit), cheapest(sizes, costs, limit)
        if found is None:
            assert best == math.inf
            continue
        found_some += 1
        pairs = list(zip(sizes, costs, found.choices, strict=True))
        assert found.size == sum(int(own[k]) for own, _, k in pairs) <= limit
        assert found.cost == pytest.approx(sum(own[k] for _, own, k in pairs), abs=1e-12)
        assert found.cost == pytest.approx(best, abs=1e-12)
        assert found.bound <= best + 1e-12
        assert found.is_exact
    assert found_some > 150


def test_many_things_as_scipys_solver_chooses() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(1)
    bits = np.array([3, 4, 4.5, 6, 8, 16])
    shapes = rng.integers(1000, 100_000, 40)
    sizes = [np.round(shape * bits).astype(np.int64) for shape in shapes]
    costs = [rng.lognormal(0, 2) * 4.0**-bits * rng.lognormal(0, 0.3, bits.size) for _ in shapes]
    limit = int(5 * shapes.sum())
    found = cheapest(sizes, costs, limit)
    assert found is not None
    one_each = np.kron(np.eye(len(shapes)), np.ones(bits.size))
    result = optimize.milp(
        np.concatenate(costs),
        integrality=np.ones(one_each.shape[1]),
        bounds=optimize.Bounds(0, 1),
        constraints=[
            optimize.LinearConstraint(one_each, 1, 1),
            optimize.LinearConstraint(np.concatenate(sizes), -np.inf, limit),
        ],
        options={"mip_rel_gap": 0.0},
    )
    assert found.cost == pytest.approx(result.fun, rel=1e-7)
    assert found.cost <= result.fun * (1 + 1e-12)
    assert 0 < found.bound <= found.cost


def test_too_many_partial_choices_are_no_longer_said_to_be_exact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    sizes = [rng.integers(1, 1000, 6) for _ in range(30)]
    costs = [rng.random(6) for _ in range(30)]
    exact = cheapest(sizes, costs, 6000)
    monkeypatch.setattr(knapsack, "_MOST_PARTIAL", 2)
    found = cheapest(sizes, costs, 6000)
    assert exact is not None
    assert found is not None
    assert exact.is_exact
    assert not found.is_exact
    assert found.size <= 6000
    assert found.bound <= exact.cost <= found.cost


RNG = np.random.default_rng(0)
MODEL = {
    "wide": RNG.standard_normal((16, 64)),
    "loud": RNG.standard_normal((8, 32)) * np.where(np.arange(8) == 3, 40, 1)[:, np.newaxis],
    "tails": RNG.standard_t(2, (8, 64)),
    "small": RNG.standard_normal((2, 32)) * 1e-3,
}
FORMATS = ("int8", "int8_channel", "nvfp4", "mxfp6_e2m3", "int4_g32")


@cache
def cost_of(name: str, fmt: str, weight: float | None = None) -> float:
    """The squared errors of a tensor in a format, by quantizing it."""
    x = MODEL[name]
    error = nf.quantize(x, fmt).dequantize(np.float64) - x
    return float(np.sum(error**2) * (1 / np.mean(x**2) if weight is None else weight))


@cache
def bits_of(name: str, fmt: str) -> float:
    shape = MODEL[name].shape
    scaled = nf.quantize(MODEL[name], fmt).format
    return scaled.bits_of(shape) * math.prod(shape)


@pytest.mark.parametrize("budget", [4.7, 5.0, 5.5, 6.5, 7.9, 30.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_allocation_is_the_best_of_all(budget: float, weighted: bool) -> None:
    weights = {"wide": 1.0, "loud": 0.02, "tails": 3.0, "small": 1e7, "other": 1.0}
    found = nf.analysis.allocate(MODEL, FORMATS, budget, weights=weights if weighted else None)
    limit = budget * sum(x.size for x in MODEL.values())
    best = math.inf
    for choice in itertools.product(FORMATS, repeat=len(MODEL)):
        pairs = list(zip(MODEL, choice, strict=True))
        if sum(bits_of(*pair) for pair in pairs) <= limit:
            each = (cost_of(*pair, weights[pair[0]] if weighted else None) for pair in pairs)
            best = min(best, sum(each))
    assert found.cost == pytest.approx(best, rel=1e-9)
    assert sum(bits_of(*pair) for pair in found.formats.items()) == found.stored_bits <= limit
    assert found.is_exact
    alike = {
        fmt: sum(cost_of(name, fmt, weights[name] if weighted else None) for name in MODEL)
        for fmt in FORMATS
        if sum(bits_of(name, fmt) for name in MODEL) <= limit
    }
    assert (found.uniform is None) == (not alike)
    if found.uniform is not None:
        assert found.uniform.format == min(alike, key=lambda fmt: alike[fmt])
        assert found.uniform.cost == pytest.approx(min(alike.values()), rel=1e-9)
        assert found.gain_db >= 0


def test_tensors_whose_scale_is_changed_get_the_same_formats() -> None:
    """By default it does not matter in what units a tensor is."""
    larger = {name: x * 2.0**k for k, (name, x) in enumerate(MODEL.items())}
    own, other = (nf.analysis.allocate(each, FORMATS, 5) for each in (MODEL, larger))
    assert own.formats == other.formats
    assert own.cost == pytest.approx(other.cost)


def test_a_tensor_of_zeros_costs_nothing() -> None:
    zeros = nf.analysis.allocate({"a": np.zeros((2, 4))}, ["int8", "int4"], 16)
    assert (zeros.cost, zeros.gain_db, zeros.formats) == (0, 0, {"a": "int4"})
    both = nf.analysis.allocate({"a": np.zeros((2, 4)), "b": MODEL["wide"]}, ["int8", "int4"], 8.2)
    assert both.formats == {"a": "int4", "b": "int8"}
    assert both.tensors[0].sqnr_db == math.inf


def test_it_prints_what_was_minimised_and_how_it_compares() -> None:
    found = nf.analysis.allocate(MODEL, FORMATS, 5)
    text = str(found)
    assert "budget 5" in text
    assert "tensors count by size" in text
    assert f"best for all alike: {found.uniform.format}" in text  # type: ignore[union-attr]
    assert all(name not in text for name in MODEL)
    assert all(name in "\n".join(found.lines(verbose=True)) for name in MODEL)
    weighted = nf.analysis.allocate(MODEL, FORMATS, 5, weights=dict.fromkeys(MODEL, 1.0))
    assert "times the weights given" in str(weighted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tensors": {}}, "tensors: none"),
        ({"formats": []}, "formats: none"),
        ({"formats": ["int8", "int8"]}, "formats: 'int8' is there twice"),
        ({"formats": ["int9x"]}, "unknown 'int9x'"),
        ({"budget_bits": 4.4}, "the smallest of these formats take 4.5"),
        ({"budget_bits": 0}, "budget_bits: 0; expected bits per value above 0"),
        ({"budget_bits": math.nan}, "budget_bits: nan; expected"),
        ({"weights": {"wide": 1.0}}, "weights: none for loud"),
        ({"weights": dict.fromkeys(MODEL, -1.0)}, "weights: -1 for wide; expected"),
        ({"weights": dict.fromkeys(MODEL, math.nan)}, "weights: nan for wide; expected"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object], words: str) -> None:
    arguments = {"tensors": MODEL, "formats": FORMATS, "budget_bits": 5, **change}
    with pytest.raises(ValueError, match=words):
        nf.analysis.allocate(**arguments)  # type: ignore[arg-type]
