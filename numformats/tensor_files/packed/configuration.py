"""What the files beside a checkpoint say of its packing, where its tensors leave it open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MAX_CONFIG_BYTES: Final = 1 << 24
# Each file, the object in it that tells of the packing (else all of it), and whose file it is.
CONFIG_FILES: Final = (
    ("config.json", ("quantization_config", "compression_config"), None),
    ("quantize_config.json", (), "gptq"),
    ("quant_config.json", (), "awq"),
    ("hf_quant_config.json", ("quantization",), "modelopt"),
)
# The names that one thing has in the files of different libraries.
_METHOD: Final = ("quant_method",)
_FORMAT: Final = ("checkpoint_format", "format", "version")
_BITS: Final = ("bits", "w_bit", "num_bits")
_GROUP: Final = ("group_size", "q_group_size")
_BLOCK: Final = ("weight_block_size", "block_structure")


@dataclass(frozen=True, kw_only=True)
class PackingConfig:
    """What is told of the packing; None where nothing is, or not the same for all weights.

    method: whose packing it is, as "gptq".
    format: its variant, as "gptq_v2" or "gemm".
    bits: the width of a code.
    group_size: how many neighbours in a row share a scale.
    block: how many rows and columns share a scale.
    fault: why what is told cannot be read.
    """

    method: str | None = None
    format: str | None = None
    bits: int | None = None
    group_size: int | None = None
    block: tuple[int, int] | None = None
    fault: str | None = None


def config_beside(path: Path) -> PackingConfig:
    """What the metadata of a file, else the files beside it or in the folder, tell of the packing.

    Nothing is raised: a file that cannot be read is the `fault` of what is returned.
    """
    told = _metadata(path).get("quantization_config")
    if told is not None:
        return _parsed(told, "metadata quantization_config", (), None)
    folder = path if path.is_dir() else path.parent
    for name, keys, method in CONFIG_FILES:
        file = folder / name
        try:
            if not file.is_file():
                continue
            if file.stat().st_size > MAX_CONFIG_BYTES:
                return PackingConfig(fault=f"{name} is above {MAX_CONFIG_BYTES} bytes")
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            return PackingConfig(fault=f"{name} beside it cannot be read ({error})")
        found = _parsed(text, name, keys, method)
        if found != PackingConfig():
            return found
    return PackingConfig()


def _metadata(path: Path) -> Mapping[str, str]:
    """What a .safetensors file tells in words of its own."""
    if path.suffix.lower() != ".safetensors" or not path.is_file():
        return {}
    from safetensors import safe_open

    with safe_open(str(path), framework="np") as file:
        return file.metadata() or {}


def _parsed(text: str, name: str, keys: tuple[str, ...], method: str | None) -> PackingConfig:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        return PackingConfig(fault=f"{name} beside it is no JSON ({type(error).__name__})")
    if not isinstance(content, dict):
        return PackingConfig(fault=f"{name} beside it holds no JSON object")
    if not keys:
        return config_of(content, method)
    inner = (content[key] for key in keys if isinstance(content.get(key), dict))
    return config_of(next(inner, {}), method)


def config_of(told: Mapping[str, Any], method: str | None = None) -> PackingConfig:
    """What a parsed JSON object tells, under the names that several libraries use.

    Nothing in it is trusted to have the type that it should have.
    """
    if not told:
        return PackingConfig()
    groups = told.get("config_groups")
    groups = groups.values() if isinstance(groups, dict) else ()
    weights = [group.get("weights") for group in groups if isinstance(group, dict)]
    described: list[Mapping[str, Any]] = [w for w in weights if isinstance(w, dict)] or [told]
    is_marlin = told.get("is_marlin_format") is True
    if told.get("dynamic"):  # GPTQModel: other widths and sizes for some layers
        described = [{}]
    return PackingConfig(
        method=_text(told, _METHOD) or method,
        format="marlin" if is_marlin else _text(told, _FORMAT),
        bits=_agreed(_number(weight, _BITS) for weight in described),
        group_size=_agreed(_number(weight, _GROUP) for weight in described),
        block=_agreed(_pair(weight, _BLOCK) for weight in described),
    )


def _text(told: Mapping[str, Any], names: Iterable[str]) -> str | None:
    found = (told[name] for name in names if isinstance(told.get(name), str))
    word = next(found, None)
    return None if word is None else word.lower()


def _number(told: Mapping[str, Any], names: Iterable[str]) -> int | None:
    found = (told.get(name) for name in names)
    return next((number for number in found if type(number) is int and number > 0), None)


def _pair(told: Mapping[str, Any], names: Iterable[str]) -> tuple[int, int] | None:
    for name in names:
        match told.get(name):
            case [int(rows), int(columns)] if rows > 0 and columns > 0:
                return rows, columns
    return None


def _agreed(told: Iterable[Any]) -> Any:
    """What all say, if all say the same."""
    first, *others = told
    return first if all(other == first for other in others) else None
