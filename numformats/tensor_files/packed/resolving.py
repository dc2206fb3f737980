"""Put the tensors of a checkpoint together that stand for one weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from numformats.tensor_files.packed.configuration import PackingConfig
from numformats.tensor_files.packed.describing import describe, stored_as
from numformats.tensor_files.packed.parts import Parts, Role
from numformats.tensor_files.packed.schemes import SCHEMES, Scheme
from numformats.tensor_files.raw import RawTensor, RefusedError


def resolve_packed(
    tensors: Sequence[RawTensor], read_config: Callable[[], PackingConfig] = PackingConfig
) -> list[RawTensor]:
    """The tensors of a checkpoint, those that stand for one weight replaced by it.

    tensors: all of one checkpoint, in the order of its files.
    read_config: gives what is told beside them; it is called if there is a packed weight at all.

    The weight stands in the place of its codes, under the name that it has where it is not packed,
    and tells what it is `stored_as`. The others are left out. What does not fit together is one
    tensor that has a fault, and nothing is raised.
    """
    by_name = {tensor.name: tensor for tensor in tensors}
    config = cache(read_config)
    resolved: dict[str, RawTensor] = {}
    used: set[str] = set()
    for tensor in tensors:
        candidates = [
            (scheme, base) for scheme in SCHEMES for base in _bases(scheme, tensor, by_name)
        ]
        if candidates:
            weight, others = _weight(candidates, tensor, by_name, config())
            resolved[tensor.name] = weight
            used |= others
    kept = (tensor for tensor in tensors if tensor.name in resolved or tensor.name not in used)
    return [resolved.get(tensor.name, tensor) for tensor in kept]


def _joined(base: str, suffix: str) -> str:
    """The name of a tensor; where a file has but one layer, names may have nothing before."""
    return base + suffix if base or not suffix else suffix[1:]


def _bases(scheme: Scheme, tensor: RawTensor, by_name: Mapping[str, RawTensor]) -> Iterator[str]:
    """What the names of a weight's tensors begin with, if this may be the codes of one."""
    name = tensor.name
    if not (name.endswith(scheme.codes) or name == scheme.codes[1:]):
        return
    if tensor.dtype_name not in scheme.code_dtypes:
        return
    base = name[: -len(scheme.codes)] if name.endswith(scheme.codes) else ""
    if all(_joined(base, scheme.parts[role]) in by_name for role in scheme.telling):
        yield base


def _weight(
    candidates: Sequence[tuple[Scheme, str]],
    codes: RawTensor,
    by_name: Mapping[str, RawTensor],
    config: PackingConfig,
) -> tuple[RawTensor, set[str]]:
    """The weight by the first scheme that fits, else the fault; and the names of its parts.

    Schemes whose name the configuration has are the only ones tried, if there are any.
    """
    told = [entry for entry in candidates if config.method in entry[0].methods]
    tried = [
        (scheme, base, _parts(scheme, base, codes, by_name, config))
        for scheme, base in told or candidates
    ]
    faults = []
    for scheme, base, parts in tried:
        try:
            weight = describe(scheme, parts)
        except RefusedError as fault:
            faults.append(fault.with_traceback(None))
            continue
        found = RawTensor(
            name=_weight_name(scheme, base, codes, by_name),
            dtype_name="float32",
            shape=weight.extent.shape,
            source=weight.load,
            read=weight.read if weight.can_be_read_by_rows else None,
            stored_as=stored_as(weight),
            nbytes=parts.nbytes,
        )
        return found, _claimed(scheme, base, parts)
    name = _weight_name(*tried[0][:2], codes, by_name)
    return RawTensor(name, codes.dtype_name, codes.shape, faults[0]), _claimed(*tried[0])


def _claimed(scheme: Scheme, base: str, parts: Parts) -> set[str]:
    """The names of the tensors that are not listed by themselves."""
    aside = {_joined(base, suffix) for suffix in scheme.aside}
    return aside | {tensor.name for tensor in parts.tensors.values()}


def _weight_name(
    scheme: Scheme, base: str, codes: RawTensor, by_name: Mapping[str, RawTensor]
) -> str:
    """The name that the weight has where it is not packed, if that is free."""
    name = _joined(base, scheme.weight)
    return codes.name if name in by_name or not name else name


def _parts(
    scheme: Scheme,
    base: str,
    codes: RawTensor,
    by_name: Mapping[str, RawTensor],
    config: PackingConfig,
) -> Parts:
    names: dict[Role, str] = {role: _joined(base, suffix) for role, suffix in scheme.parts.items()}
    found = {role: by_name[name] for role, name in names.items() if name in by_name}
    return Parts({"codes": codes, **found}, config)
