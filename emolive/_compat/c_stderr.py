"""Keeps one native library from writing to the terminal, whatever other libraries write."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_NULL, _STRINGS, _SYMBOLS, _RELOCATIONS, _RELOCATIONS_SIZE = 0, 5, 6, 7, 8
"""Tags of a dynamic section, see elf(5): DT_NULL, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ."""
_READ, _WRITE = 1, 2


class _LinkMap(ctypes.Structure):
    """What a handle of dlopen(3) points to."""

    _fields_ = (("base", ctypes.c_size_t), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_size_t))


class _Dynamic(ctypes.Structure):
    _fields_ = (("tag", ctypes.c_int64), ("value", ctypes.c_size_t))


class _Relocation(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_size_t), ("info", ctypes.c_uint64), ("addend", ctypes.c_int64))


class _Symbol(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_uint32),
        ("info", ctypes.c_uint8),
        ("other", ctypes.c_uint8),
        ("section", ctypes.c_uint16),
        ("value", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
    )


def silence_stderr_of(library: str) -> bool:
    """Let what a loaded library writes to C's `stderr` go nowhere.

    The dynamic linker gave the library the address of the variable `stderr`; it gets that of a variable of
    ours. Descriptor 2 and the `stderr` of everybody else stay as they are. Only on Linux with 64 bits, and
    only where the linker's entry holds what it should.

    Args:
        library: its name as for dlopen(3).

    Returns:
        Whether anything was changed.
    """
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_void_p) != 8 or sys.byteorder != "little":
        return False
    with suppress(OSError, AttributeError, ValueError):
        places = _places_of_stderr(ctypes.CDLL(library))
        done = [_set(place, ctypes.addressof(_null())) for place in places]
        return bool(done) and all(done)
    return False


@lru_cache(maxsize=1)
def _null() -> ctypes.c_void_p:
    """A variable with a FILE of the null device.

    It outlives the interpreter, as the threads of a library may: libraries hold its address.
    """
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    file = libc.fopen(os.devnull.encode(), b"we")
    if not file:
        raise OSError(f"{os.devnull} cannot be opened")
    variable = ctypes.c_void_p(file)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(variable))
    return variable


def _places_of_stderr(library: ctypes.CDLL) -> list[int]:
    """Addresses of the linker's entries in which a library finds the address of `stderr`."""
    its_map = _LinkMap.from_address(library._handle)
    section: dict[int, int] = {}
    address = its_map.dynamic
    while (entry := _Dynamic.from_address(address)).tag != _NULL:
        section[entry.tag] = entry.value
        address += ctypes.sizeof(_Dynamic)
    if not {_STRINGS, _SYMBOLS, _RELOCATIONS, _RELOCATIONS_SIZE} <= section.keys():
        return []
    # The linker has made addresses of them, except on some systems.
    strings, symbols, relocations = (
        section[tag] + (its_map.base if section[tag] < its_map.base else 0)
        for tag in (_STRINGS, _SYMBOLS, _RELOCATIONS)
    )
    stderr = ctypes.addressof(ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr"))
    places = []
    for offset in range(0, section[_RELOCATIONS_SIZE], ctypes.sizeof(_Relocation)):
        relocation = _Relocation.from_address(relocations + offset)
        number = relocation.info >> 32
        if not number:
            continue
        symbol = _Symbol.from_address(symbols + number * ctypes.sizeof(_Symbol))
        place = its_map.base + relocation.offset
        if ctypes.string_at(strings + symbol.name) == b"stderr" and _value(place) == stderr:
            places.append(place)
    return places


def _value(place: int) -> int:
    return ctypes.c_size_t.from_address(place).value


def _set(place: int, value: int) -> bool:
    """Write an entry, which may be read-only since the library was loaded; False if that is not allowed."""
    page = place & ~(mmap.PAGESIZE - 1)
    is_writable = _is_writable(place)
    mprotect = ctypes.CDLL(None, use_errno=True).mprotect
    mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if not is_writable and mprotect(page, mmap.PAGESIZE, _READ | _WRITE):
        return False
    ctypes.c_size_t.from_address(place).value = value
    if not is_writable:
        mprotect(page, mmap.PAGESIZE, _READ)
    return True


def _is_writable(place: int) -> bool:
    """Whether this process may write to an address; ValueError if it has no such address."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, permissions, *_ = line.split()
        first, end = (int(address, 16) for address in addresses.split("-"))
        if first <= place < end:
            return "w" in permissions
    raise ValueError(f"{place:#x} is not in the memory of this process")
