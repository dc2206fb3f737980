"""Packed checkpoints: several tensors that stand for one weight, read as that weight."""

from numformats.tensor_files.packed.resolving import resolve_packed

__all__ = ["resolve_packed"]
