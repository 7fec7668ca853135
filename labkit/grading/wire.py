"""Messages between the grader and the process that runs answers: JSON and raw bytes, never pickles.

A message is two lengths, a JSON text and the bytes of the arrays in it. What comes back from a
student's process is believed in nothing: lengths are checked before anything is allocated, and what
does not fit is Malformed.
"""

import json
import math
import os
import re
import select
import struct
from collections.abc import Iterator

import numpy as np

from labkit.grading.limits import MOST_JSON, MOST_RESULT

LENGTHS = struct.Struct(">IQ")  # bytes of JSON, bytes of arrays
PACKET = struct.Struct(">cI")  # kind, bytes
CHUNK = 2**16  # most bytes in a packet

# Packets from the process to the grader: it is ready; a child begins (its id); bytes from the
# child; the child has ended (its exit status); the fork that did the job has ended (its exit status).
READY, BEGIN, DATA, END, DONE = b"R", b"B", b"D", b"E", b"O"

NUMBERS = re.compile(r"[<>|][biufc]\d{1,2}")
MOST_AXES = 32


class Malformed(Exception):
    """Bytes that are no message."""


class TooLarge(Exception):
    """Arrays that are larger together than a message may be."""


def encode(value: object) -> bytes:
    """A message that holds `value`: None, booleans, numbers, strings, arrays of numbers, and dicts
    (with string keys), lists and tuples of these. Arrays keep row or column order.

    Raises TypeError for anything else and TooLarge for more than MOST_RESULT bytes of arrays.
    """
    arrays: list[np.ndarray] = []
    tree = to_tree(value, arrays)
    size = sum(array.nbytes for array in arrays)
    if size > MOST_RESULT:
        raise TooLarge(f"{size} bytes")
    heads = [[array.dtype.str, array.shape, order(array)] for array in arrays]
    text = json.dumps({"arrays": heads, "value": tree}).encode("ascii")
    raw = b"".join(memoryview(array).tobytes("A") for array in arrays)  # ndarray.tobytes can be patched
    return LENGTHS.pack(len(text), len(raw)) + text + raw


def order(array: np.ndarray) -> str:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def to_tree(value: object, arrays: list[np.ndarray]) -> object:
    """`value` as JSON has it; arrays go to `arrays`, and their number stands in their place."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise TypeError(f"an array of {array.dtype} cannot be sent")
        arrays.append(array)
        return {"scalar" if isinstance(value, np.generic) else "array": len(arrays) - 1}
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {"dict": {key: to_tree(one, arrays) for key, one in value.items()}}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [to_tree(one, arrays) for one in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be sent")


def comes(descriptor: int) -> bool:
    """Wait until there is something to read; False at the end. Reads nothing."""
    readable = select.poll()
    readable.register(descriptor, select.POLLIN)
    ((_, event),) = readable.poll()
    return bool(event & select.POLLIN)


def receive(descriptor: int) -> object:
    """The next message from somebody who is believed, as the grader is by its processes; None at the end."""
    head = read_all(descriptor, LENGTHS.size)
    if len(head) < LENGTHS.size:
        return None
    text, raw = LENGTHS.unpack(head)
    return decode(read_all(descriptor, text), read_all(descriptor, raw))


def read_all(descriptor: int, size: int) -> bytes:
    """So many bytes, or fewer at the end."""
    data = bytearray()
    while len(data) < size and (chunk := os.read(descriptor, min(size - len(data), CHUNK))):
        data += chunk
    return bytes(data)


class Inbox:
    """Puts messages together from the bytes that come in."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[object]:
        """The values of the messages that `chunk` completes, one by one. Raises Malformed.

        One by one, because what came before the first malformed byte still counts.
        """
        self.buffer += chunk
        while len(self.buffer) >= LENGTHS.size:
            text, raw = LENGTHS.unpack_from(self.buffer)
            if text > MOST_JSON or raw > MOST_RESULT:
                raise Malformed("longer than a message may be")
            end = LENGTHS.size + text + raw
            if len(self.buffer) < end:
                break
            message = bytes(self.buffer[LENGTHS.size : end])
            del self.buffer[:end]
            yield decode(message[:text], message[text:])


def decode(text: bytes, raw: bytes) -> object:
    """The value of one message. Raises Malformed for anything that `encode` does not write."""
    try:
        message = json.loads(text)
        arrays = read_arrays(message["arrays"], raw)
        return from_tree(message["value"], arrays)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        raise Malformed(str(error)) from None


def read_arrays(heads: list, raw: bytes) -> list[np.ndarray]:
    """The arrays described by `heads`, whose bytes are exactly `raw`."""
    arrays, start = [], 0
    for name, shape, order in heads:
        if not NUMBERS.fullmatch(name) or order not in ("C", "F") or len(shape) > MOST_AXES:
            raise Malformed("an array of something else than numbers")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise Malformed("an array without a shape")
        dtype = np.dtype(name)
        end = start + math.prod(shape) * dtype.itemsize
        if end > len(raw):
            raise Malformed("an array longer than its bytes")
        part = raw[start:end]
        if dtype.kind == "b":
            flat = np.frombuffer(part, np.uint8) != 0
        else:
            flat = np.frombuffer(part, dtype).copy()
        arrays.append(flat.reshape(shape, order=order))
        start = end
    if start != len(raw):
        raise Malformed("bytes that belong to no array")
    return arrays


def from_tree(tree: object, arrays: list[np.ndarray]) -> object:
    """The value that `to_tree` made a tree of."""
    if not isinstance(tree, dict):
        if isinstance(tree, list):
            raise Malformed("a bare list")
        return tree
    ((kind, held),) = tree.items()
    if kind == "dict":
        return {key: from_tree(one, arrays) for key, one in held.items()}
    if kind in ("list", "tuple"):
        values = [from_tree(one, arrays) for one in held]
        return values if kind == "list" else tuple(values)
    if kind not in ("array", "scalar") or type(held) is not int or held < 0:
        raise Malformed(f"a value of unknown kind {kind!r}")
    return arrays[held] if kind == "array" else arrays[held][()]
