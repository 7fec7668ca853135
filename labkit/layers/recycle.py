"""Arrays from memory that was used before: asking the system for megabytes anew costs more than filling them.

The system hands out large blocks page by page, each zeroed at its first touch, and takes them back as soon as they
are free. A training step asks for the same sizes every time. So the blocks behind `empty` are kept, and given again
once nobody holds an array in them: every array and view holds a reference to its block, and Python counts these.
An array somebody still holds is never given to anybody else.
"""

import math
import sys
import threading

import numpy as np

LEAST = 1 << 16  # bytes; below, the system's own allocator is as good
PATIENCE = 256  # a block nobody asked for during so many calls goes back to the system when a new one is needed

_blocks: dict[int, list[np.ndarray]] = {}
_last_use: dict[int, int] = {}
_lock = threading.Lock()
_calls = 0


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Like np.empty, C order: an array with anything in it that nobody else holds."""
    global _calls
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < LEAST:
        return np.empty(shape, dtype)
    with _lock:
        _calls += 1
        _last_use[size] = _calls
        blocks = _blocks.setdefault(size, [])
        for index in range(len(blocks)):
            if sys.getrefcount(blocks[index]) == 2:  # the list's reference and the one of this call
                return blocks[index].view(dtype).reshape(shape)
        _drop_old()
        blocks.append(np.empty(size, np.uint8))
        return blocks[-1].view(dtype).reshape(shape)


def empty_like(x: np.ndarray, shape: tuple[int, ...] | None = None, dtype: np.dtype | None = None) -> np.ndarray:
    """Like np.empty_like: of x's shape and dtype or those given, its axes one inside the other as in x."""
    shape = x.shape if shape is None else shape
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    back = sorted(range(x.ndim), key=order.__getitem__)
    return empty(tuple(shape[axis] for axis in order), x.dtype if dtype is None else dtype).transpose(back)


def release() -> None:
    """Give every block back to the system that nobody holds."""
    with _lock:
        _blocks.clear()
        _last_use.clear()


def _drop_old() -> None:
    for size in [size for size, call in _last_use.items() if call < _calls - PATIENCE]:
        del _blocks[size], _last_use[size]
