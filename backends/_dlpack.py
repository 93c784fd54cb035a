"""A look at the memory behind a DLPack export, before a framework that does not look takes it."""

from __future__ import annotations

import ctypes
from typing import Any

from .base import UnsupportedOperation


class _Header(ctypes.Structure):
    """DLTensor of dlpack.h, with which the struct behind a capsule begins."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("dtype", ctypes.c_uint8 * 4),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def capsule_of(x: Any, framework: str) -> Any:
    """The DLPack capsule of `x`, if its memory is aligned to 64 bytes and in row-major order."""
    capsule = x.__dlpack__()
    header = _Header.from_address(_pointer_of(capsule, b"dltensor"))
    if ((header.data or 0) + header.byte_offset) % 64:
        raise UnsupportedOperation(f"{framework} shares only memory that is aligned to 64 bytes")
    if not _is_row_major(header):
        raise UnsupportedOperation(f"{framework} shares only memory in row-major order, without gaps")
    return capsule


def _is_row_major(header: _Header) -> bool:
    shape, following = header.shape[: header.ndim], 1
    if not header.strides or 0 in shape:
        return True
    for size, stride in zip(reversed(shape), reversed(header.strides[: header.ndim]), strict=True):
        if size != 1 and stride != following:
            return False
        following *= size
    return True
