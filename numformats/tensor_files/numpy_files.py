"""Find and read the arrays of .npy and .npz files without trusting what their headers declare.

NumPy's own `np.load` allocates whatever a header asks for.  Here the declared size must equal the
bytes that exist before anything is allocated, and pickles are refused.  `opening.py` wraps what
is found here into entries that fail with one kind of error.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from numformats.tensor_files.raw import (
    PICKLE_ADVICE,
    Layout,
    RawTensor,
    RefusedError,
    check_size,
    named_dtype,
    read_range,
    read_region,
    shaped,
)

# The longest header that NumPy reads by default (10 000), and the 12 bytes that may precede it.
MAX_NPY_HEADER = 10_012
# No deflate stream holds more than 1032 bytes for each of its own.
DEFLATE_RATIO = 1032
CHUNK_BYTES = 1 << 20
# What zipfile raises for a damaged member, and `read_npy_header` for a damaged header.
MEMBER_ERRORS = (
    ValueError,
    OSError,
    EOFError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def npy_tensors(file: Path) -> list[RawTensor]:
    """Find the one array of a .npy file; its name is the file's, less the suffix."""
    with file.open("rb") as stream:
        header = read_npy_header(stream.read(MAX_NPY_HEADER))
    check_size(header.shape, header.dtype, file.stat().st_size - header.offset)
    fault = _dtype_fault(header.dtype)
    source = fault or partial(read_region, file, header)
    # What lies in Fortran's order has no ranges in C order.
    read = partial(read_range, file, header) if fault is None and header.order == "C" else None
    return [RawTensor(file.stem, header.dtype.name, header.shape, source, read)]


def npz_tensors(file: Path) -> list[RawTensor]:
    """Find the arrays of a .npz file; a member that cannot be read becomes a tensor with a fault.

    The archive stays open for its members' sources, and closes when the last is dropped.
    """
    archive = zipfile.ZipFile(file)
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.filename for member in members]
    if any(name.endswith("data.pkl") for name in names):
        raise RefusedError(f"the content is a PyTorch checkpoint, with a pickle: {PICKLE_ADVICE}")
    if len(set(names)) != len(names):
        raise RefusedError("two of its members share one name; save it again with distinct names")
    return [_npz_member(archive, member) for member in members]


def _npz_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> RawTensor:
    """Read the header of one member, after the archive's own word for the member's size."""
    name = member.filename.removesuffix(".npy")
    try:
        _check_member(member)
        with archive.open(member) as stream:
            header = read_npy_header(stream.read(MAX_NPY_HEADER))
        check_size(header.shape, header.dtype, member.file_size - header.offset)
    # One damaged member says nothing of the others.
    except MEMBER_ERRORS as error:
        # A traceback would keep the bytes of its frames alive, member after member.
        return RawTensor(name, "unknown", (), error.with_traceback(None))
    source = _dtype_fault(header.dtype) or partial(_read_member, archive, member, header)
    return RawTensor(name, header.dtype.name, header.shape, source)


def _check_member(member: zipfile.ZipInfo) -> None:
    """Refuse a member that is no plain .npy, or whose declared size is a lie on its face."""
    if not member.filename.endswith(".npy"):
        raise RefusedError("is not a .npy member; it is skipped")
    if member.flag_bits & 1:
        raise RefusedError("is encrypted; save the arrays again with np.savez")
    # The other methods may ask for gigabytes before they give their first byte.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedError("is neither stored nor deflated; save it with np.savez_compressed")
    if member.file_size > DEFLATE_RATIO * (member.compress_size + 1):
        raise RefusedError("declares more data than its compressed bytes can hold; save it again")


def read_npy_header(start: bytes) -> Layout:
    """Parse the header at the start of a .npy stream, given its first `MAX_NPY_HEADER` bytes.

    Only these bytes are parsed, so a header that declares gigabytes of itself ends here.
    Raises `RefusedError` for Python objects and ValueError for what NumPy's parser cannot read.
    """
    # ml_dtypes writes float8_e5m2, alone of its dtypes, as "<f1": an unmistakable name that
    # NumPy does not know.  The patch has the same length, and 27 bytes are always in the header.
    patched = start[:27].replace(b"{'descr': '<f1'", b"{'descr': '|u1'") + start[27:]
    stream = io.BytesIO(patched)
    try:
        shape, is_fortran, dtype = _parse_npy_header(stream)
    # The parser evaluates a Python literal, which fails in as many ways as Python source can.
    except Exception as error:
        fault = str(error) or type(error).__name__
        raise ValueError(f"no readable .npy header: {fault}") from error
    if dtype.hasobject:
        raise RefusedError(
            "holds Python objects, which are stored as a pickle: loading one runs the code inside "
            "it, so it is never loaded; save an array of numbers, as array.astype(np.float32)"
        )
    if patched != start:
        dtype = named_dtype("float8_e5m2")
    order: Literal["C", "F"] = "F" if is_fortran else "C"
    return Layout(dtype, tuple(int(length) for length in shape), order, stream.tell())


def _parse_npy_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, the Fortran order and the dtype, leaving `stream` at the data."""
    version = npy_format.read_magic(stream)
    with warnings.catch_warnings():
        # NumPy and Python warn of odd literals, and would print the stranger's text.
        warnings.simplefilter("ignore")
        if version == (1, 0):
            return npy_format.read_array_header_1_0(stream)
        # 3.0 differs from 2.0 only in field names beyond Latin-1, and fields are not read anyway.
        if version in ((2, 0), (3, 0)):
            return npy_format.read_array_header_2_0(stream)
    raise ValueError(f"unknown .npy version {version}")


def _dtype_fault(dtype: np.dtype[Any]) -> RefusedError | None:
    """Say why values of this dtype are no numbers to report on, or return None."""
    if dtype.kind in "biufc":
        return None
    if dtype.names is not None or dtype.subdtype is not None:
        return RefusedError("structured values; save each field as an array of its own")
    if dtype.kind != "V":
        return RefusedError(f"{dtype.name} values are not numbers; save an array of numbers")
    if dtype.itemsize in (1, 2):
        return RefusedError(
            f"opaque {dtype.itemsize}-byte values: NumPy does not store ml_dtypes dtypes; "
            "save as .safetensors"
        )
    return RefusedError(f"opaque {dtype.itemsize}-byte values; save an array of numbers")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: Layout) -> NDArray[Any]:
    """Decompress the array of one .npz member in chunks, straight into its final memory."""
    data = np.empty(member.file_size - header.offset, np.uint8)
    filled = 0
    with archive.open(member) as stream:
        stream.read(header.offset)
        # One read of everything would hold the data twice.
        while chunk := stream.read(min(CHUNK_BYTES, data.size - filled)):
            data[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
            filled += len(chunk)
    if filled != data.size:
        raise RefusedError(f"ends after {filled} of {data.size} bytes; save or fetch it again")
    return shaped(data.view(header.dtype), header)
