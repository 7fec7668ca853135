"""A zip archive as a folder. Nothing is unpacked to the disk, and what an archive says of itself is not believed.

A file in it that could do harm is there and cannot be read, so that its owner is told; the others can.
"""

import io
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from struct import error as StructError
from typing import BinaryIO

from labkit.grading.intake.nodes import FILE, FOLDER, LINK, Node, Unreadable, hidden, read
from labkit.grading.limits import (
    MOST_CLASS_DIRECTORY,
    MOST_DIRECTORY,
    MOST_PACKED,
    MOST_RATIO,
    MOST_UNJUDGED,
    MOST_UNPACKED,
)

# What zipfile raises on archives that are damaged, or made to harm.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, StructError, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError, OSError, MemoryError,
)  # fmt: skip
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a bound on memory
ENCRYPTED, UTF8 = 0x1, 0x800
OTHER = r"rar|7z|tar|tgz|(?:tar\.)?(?:gz|bz2|xz)"
DRIVE = re.compile(r"[A-Za-z]:")
MOST_STEPS = 32  # folders in a name


class Capped:
    """A file that refuses to read a great deal at once: zipfile asks for as much as the archive says."""

    def __init__(self, file: BinaryIO, most: int):
        self.file, self.most = file, most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self.most:
            raise zipfile.BadZipFile("too large")
        return self.file.read(size)


def is_zip(node: Node) -> bool:
    return node.kind == FILE and node.name.lower().endswith(".zip")


def is_other_archive(node: Node) -> bool:
    """Whether it is an archive of a kind that is not read here."""
    return node.kind == FILE and re.search(rf"\.(?:{OTHER})$", node.name, re.IGNORECASE) is not None


def unpacked(node: Node, most: int, bytes_left: int | None) -> list[Node]:
    """What lies in the zip `node`, as nodes that read from it.

    most: files and folders there may be. bytes_left: bytes they may unpack to together, None for no bound.
    The archive is opened anew for each file, so that a thousand of them do not stay open. Raises Unreadable.
    """
    with opened_zip(node) as archive:
        return nodes(archive, lambda: opened_zip(node), most, bytes_left)


def unpacked_for_long(node: Node, most: int) -> list[Node]:
    """The same for the archive of a whole class, which stays open as long as its nodes are held."""
    keeper = opened_zip(node, MOST_CLASS_DIRECTORY)
    return nodes(archive := keeper.__enter__(), lambda: still_open(archive, keeper), most, None)


@contextmanager
def still_open(archive: zipfile.ZipFile, keeper: object) -> Iterator[zipfile.ZipFile]:
    """An open archive. `keeper` closes it as soon as nobody holds it any more."""
    with damage_told():
        yield archive


@contextmanager
def opened_zip(node: Node, directory: int = MOST_DIRECTORY) -> Iterator[zipfile.ZipFile]:
    with damage_told(), seekable(node) as file, zipfile.ZipFile(Capped(file, directory)) as archive:
        yield archive


@contextmanager
def seekable(node: Node) -> Iterator[BinaryIO]:
    if node.on_disk:
        with node.opened() as file:
            yield file
    else:
        yield io.BytesIO(read(node, MOST_PACKED))


@contextmanager
def damage_told() -> Iterator[None]:
    try:
        yield
    except DAMAGE:
        raise Unreadable("cannot be unpacked: it is no zip archive, or a damaged one") from None


def nodes(
    archive: zipfile.ZipFile,
    opened: Callable[[], AbstractContextManager[zipfile.ZipFile]],
    most: int,
    bytes_left: int | None,
) -> list[Node]:
    """The tree of an archive's members. Raises Unreadable where it is too large as a whole."""
    members = archive.infolist()
    if len(members) > most:
        raise Unreadable(f"cannot be unpacked: it holds more than {most} files")
    if bytes_left is not None and sum(member.file_size for member in members) > bytes_left:
        raise Unreadable(f"cannot be unpacked: it would take more than {MOST_UNPACKED // 10**6} MB")
    named = [(member, *path_of(member)) for member in members]
    times = Counter(path for _, path, wrong in named if not wrong)
    top = Folder()
    for member, path, wrong in named:
        if not path or any(map(hidden, path)):
            continue
        folder = top
        for step in path if member.is_dir() else path[:-1]:
            folder = folder.folders.setdefault(step, Folder())
        if not wrong and times[path] > 1:
            wrong = "is there more than once in its archive"
        if not member.is_dir():
            folder.files.append(file_of(member, path[-1], wrong or refused(member), opened))
    return top.listed(most)


@dataclass
class Folder:
    """A folder in an archive."""

    folders: dict[str, "Folder"] = field(default_factory=dict)
    files: list[Node] = field(default_factory=list)

    def listed(self, most: int) -> list[Node]:
        """Its nodes by name. Raises Unreadable if there are more than `most`."""
        if len(self.folders) + len(self.files) > most:
            raise Unreadable(f"holds more than {most} files")
        folders = [Node(name, FOLDER, inside=folder.listed) for name, folder in self.folders.items()]
        return sorted([*folders, *self.files], key=lambda node: node.name)


def file_of(member: zipfile.ZipInfo, name: str, wrong: str, opened: Callable) -> Node:
    if stat.S_ISLNK(member.external_attr >> 16):
        return Node(name, LINK)
    if wrong:
        return Node(name, FILE, opened=lambda: refusal(wrong))
    return Node(name, FILE, member.file_size, opened=lambda: opened_member(opened, member))


def path_of(member: zipfile.ZipInfo) -> tuple[tuple[str, ...], str]:
    """Where a member lies, in safe steps, and what is wrong with its name (empty if nothing)."""
    name = member.orig_filename
    if not member.flag_bits & UTF8:
        try:  # macOS and some browsers write UTF-8 and do not say so; zipfile takes it for the code page of DOS
            name = name.encode("cp437").decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            pass
    steps = [step for step in re.split(r"[/\\\0]", name) if step not in ("", ".", "..")]
    wrong = ""
    if "\\" in name or "\0" in name or DRIVE.match(name) or name.startswith("/") or ".." in name.split("/"):
        wrong = "has a name in its archive that leads elsewhere"
    elif len(steps) > MOST_STEPS:
        wrong = "lies too deep in its archive"
    return tuple(steps[-MOST_STEPS:]), wrong


def refused(member: zipfile.ZipInfo) -> str:
    """Why a member is not unpacked; empty if it may be."""
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in READABLE:
        return "is compressed in a way that is not read here"
    if member.file_size > max(MOST_UNJUDGED, MOST_RATIO * member.compress_size):
        return f"grows to more than {MOST_RATIO} times its size on unpacking"
    return ""


@contextmanager
def refusal(why: str) -> Iterator[BinaryIO]:
    raise Unreadable(why)
    yield


@contextmanager
def opened_member(
    opened: Callable[[], AbstractContextManager[zipfile.ZipFile]], member: zipfile.ZipInfo
) -> Iterator[BinaryIO]:
    with opened() as archive, damage_told(), archive.open(member) as stream:
        yield stream
