"""Who handed in what. Notebooks are read as data: nothing in them is run or trusted here."""

import json
import os
import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from labkit.errors import CommandError
from labkit.grading.limits import MOST_DEPTH, MOST_ENTRIES, MOST_NOTEBOOK

LAB = re.compile(r"lab[ _-]?0*(\d{1,2})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Upload:
    """One notebook that was handed in; not read yet."""

    name: str
    read: Callable[[], bytes]
    attempt: int = 0
    at: str = ""


@dataclass
class Student:
    """One who handed in something: the name of a folder, or of a notebook beside the folders.

    raw    the name as the file system has it
    told   sentences for the instructor
    """

    raw: str
    uploads: list[Upload] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name as it came, in NFC; bytes that are no text are written out."""
        return unicodedata.normalize("NFC", self.raw.encode("utf-8", "backslashreplace").decode())


class Unreadable(Exception):
    """A file that cannot be read as a notebook; the text says why, to follow its name."""


@dataclass(frozen=True)
class Book:
    """The code of a notebook.

    lab      what its metadata say, not trusted
    sources  its code cells from the top, newlines as \\n
    damaged  cells that could not be read
    """

    lab: str
    sources: list[str]
    damaged: int


def students(submissions: Path) -> tuple[list[Student], list[str]]:
    """Everyone in `submissions` in order of their names, and sentences on what else lies there.

    A folder is a student, with all notebooks in it; so is a notebook that lies there directly.
    Hidden files are left alone. Raises CommandError where there is nobody.
    """
    if not submissions.is_dir():
        wrong = "is a file. Unpack it" if submissions.exists() else "does not exist. Make it"
        raise CommandError(f"{submissions} {wrong}, with one folder for each student, and name that folder.")
    found: dict[str, Student] = {}
    ignored = []
    try:
        entries = sorted(os.scandir(submissions), key=lambda entry: entry.name)
    except OSError as error:
        raise CommandError(f"{submissions} cannot be read: {error.strerror}.") from None
    for entry in entries:
        if hidden(entry.name):
            continue
        book = entry.name.lower().endswith(".ipynb")
        if entry.is_symlink():
            raw = Path(entry.name).stem if book else entry.name
            one = found.setdefault(raw, Student(raw))
            one.told.append("a symbolic link was skipped")
        elif entry.is_dir(follow_symlinks=False):
            look_into(Path(entry.path), found.setdefault(entry.name, Student(entry.name)))
        elif book:
            raw = Path(entry.name).stem
            found.setdefault(raw, Student(raw)).uploads.append(upload(Path(entry.path)))
        else:
            ignored.append(entry.name)
    if not found:
        raise CommandError(
            f"There is nothing to grade in {submissions}: expected one folder for each student, "
            "with their notebooks in it."
        )
    return sorted(found.values(), key=lambda one: (one.name, one.raw)), ignored


def hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def look_into(folder: Path, student: Student) -> None:
    """Add the notebooks under `folder`, at any depth that is sane; tell what was skipped."""
    seen = links = 0

    def unreadable(error: OSError) -> None:
        student.told.append(f"a folder could not be read ({error.strerror})")

    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders.sort()
        seen += len(folders) + len(files)
        if seen > MOST_ENTRIES:
            student.told.append(f"more than {MOST_ENTRIES} files: the rest was not looked at")
            return
        linked = [name for name in folders if os.path.islink(os.path.join(place, name))]
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = [f for f in folders if not hidden(f) and f not in linked and depth < MOST_DEPTH]
        links += len(linked)
        for name in sorted(files):
            path = Path(place, name)
            if path.is_symlink():
                links += 1
            elif name.lower().endswith(".ipynb") and not hidden(name):
                student.uploads.append(upload(path))
    if links:
        student.told.append(f"{links} symbolic link{'s were' if links > 1 else ' was'} skipped")


def upload(path: Path) -> Upload:
    return Upload(path.name, lambda: read_file(path))


def prose(book: Book, pristine) -> dict[str, str]:
    return {}


def tampering(book: Book, pristine) -> tuple[str, ...]:
    return ()


def read_file(path: Path) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("is no ordinary file")
            raw = file.read(MOST_NOTEBOOK + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    if len(raw) > MOST_NOTEBOOK:
        raise Unreadable(f"is larger than {MOST_NOTEBOOK // 10**6} MB")
    return raw


def read_book(upload: Upload) -> Book:
    """The code in a notebook. Raises Unreadable."""
    raw = upload.read()
    if not raw.strip():
        raise Unreadable("is empty")
    try:
        whole = json.loads(raw)  # finds out about a BOM and UTF-16 by itself
    except (ValueError, RecursionError):
        raise Unreadable("is no notebook: it is not JSON") from None
    return book(whole)


def book(whole: object) -> Book:
    """The code in a notebook that was read as JSON, of format 4 or 3. Raises Unreadable."""
    cells = whole.get("cells") if isinstance(whole, dict) else None
    if isinstance(whole, dict) and not isinstance(cells, list) and isinstance(whole.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in whole["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise Unreadable("is no notebook: it has no list of cells")
    sources = [source_of(cell) for cell in cells if not isinstance(cell, dict) or cell.get("cell_type") == "code"]
    ours = whole["metadata"].get("labkit") if isinstance(whole.get("metadata"), dict) else None
    lab = ours.get("lab") if isinstance(ours, dict) else None
    readable = [source for source in sources if source is not None]
    return Book(lab if isinstance(lab, str) else "", readable, len(sources) - len(readable))


def source_of(cell: object) -> str | None:
    """The source of a code cell (format 3 calls it input); None where it has none."""
    source = cell.get("source", cell.get("input")) if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    return source.replace("\r\n", "\n").replace("\r", "\n")


def lab_by_name(name: str) -> str:
    """The lab that a file's name tells, "lab02"; empty if none."""
    match = LAB.search(name)
    return f"lab{int(match[1]):02}" if match else ""
