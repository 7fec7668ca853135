"""Folders and files as intake sees them: nothing is read before it is asked for, links are never followed."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

FOLDER, FILE, LINK = "folder", "file", "link"
BOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # some browsers and mail programs add an ending
CHUNK = 2**20


class Unreadable(Exception):
    """Something that cannot be read; the text says why, to follow its name."""


@contextmanager
def nothing() -> Iterator[BinaryIO]:
    raise Unreadable("is no file")
    yield


@dataclass(frozen=True)
class Node:
    """A folder or a file, on the disk or in an archive.

    kind     FOLDER, FILE or LINK
    size     bytes its archive says it unpacks to; 0 on the disk
    inside   of a folder: the nodes in it by name, hidden ones left out; takes how many there may be. Raises Unreadable
    opened   of a file: its bytes as a stream. Raises Unreadable
    on_disk  whether that stream can be read at any place without unpacking it
    """

    name: str
    kind: str
    size: int = 0
    inside: Callable[[int], list["Node"]] = lambda most: []
    opened: Callable[[], AbstractContextManager[BinaryIO]] = nothing
    on_disk: bool = False

    @property
    def is_book(self) -> bool:
        """Whether it is named like a notebook."""
        return self.kind == FILE and BOOK.search(self.name) is not None


def hidden(name: str) -> bool:
    """Whether a file or folder is nobody's work: hidden, or what macOS adds to archives."""
    return name.startswith(".") or name == "__MACOSX"


def on_disk(path: Path) -> Node:
    """What lies at `path`; a link there is followed, for it is the instructor who named it."""
    if path.is_dir():
        return Node(path.name, FOLDER, inside=lambda most: listed(path, most))
    return file_on_disk(os.path.realpath(path), path.name)


def listed(folder: Path | str, most: int) -> list[Node]:
    """The nodes in a folder on the disk. Raises Unreadable."""
    try:
        with os.scandir(folder) as entries:
            found = list(islice((entry for entry in entries if not hidden(entry.name)), most + 1))
            nodes = [of_entry(entry) for entry in found]
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    if len(nodes) > most:
        raise Unreadable(f"holds more than {most} files")
    return sorted(nodes, key=lambda node: node.name)


def of_entry(entry: os.DirEntry) -> Node:
    # Windows has junctions beside links; Python knows them from 3.12.
    if entry.is_symlink() or getattr(entry, "is_junction", lambda: False)():
        return Node(entry.name, LINK)
    if entry.is_dir(follow_symlinks=False):
        return Node(entry.name, FOLDER, inside=lambda most: listed(entry.path, most))
    return file_on_disk(entry.path, entry.name)


def file_on_disk(path: str, name: str) -> Node:
    return Node(name, FILE, opened=lambda: opened_file(path), on_disk=True)


@contextmanager
def opened_file(path: str) -> Iterator[BinaryIO]:
    """An ordinary file on the disk. Raises Unreadable for links, pipes and devices, without waiting for them."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("is no ordinary file")
            yield file
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None


def read(node: Node, most: int) -> bytes:
    """All bytes of a file. Raises Unreadable, above all where there are more than `most`."""
    if node.size > most:  # what an archive says is not believed, but it may be taken at its word
        raise Unreadable(f"is larger than {most // 10**6} MB")
    whole = bytearray()
    with node.opened() as stream:
        while chunk := stream.read(min(CHUNK, most + 1 - len(whole))):
            whole += chunk
    if len(whole) > most:
        raise Unreadable(f"is larger than {most // 10**6} MB")
    if node.size and len(whole) != node.size:
        raise Unreadable("is damaged: it is not as large as its archive says")
    return bytes(whole)
