"""The files of a grading folder that are there for each student: named after them, removed with them."""

import hashlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from labkit.grading.record import Record

PLAIN_NAME = re.compile(r"[\w][\w ,.'@+()-]{0,79}")
MARKED = re.compile(r"-[0-9a-f]{8}$")  # as `file_name` ends those that are not plain: nobody may take another's name
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class Names:
    """File names for students that every file system takes, and no two alike.

    A name is the student's own where that is plain; else what is plain of it, and a mark of the rest.
    """

    def __init__(self, records: Iterable[Record]):
        names = [record.student for record in records]
        self.folded = Counter(name.casefold() for name in names)
        self.same = Counter(names)

    def shared(self, record: Record) -> bool:
        """Whether another student has the same name."""
        return self.same[record.student] > 1

    def of(self, record: Record) -> str:
        name = record.student
        if self.folded[name.casefold()] == 1 and is_plain(name):
            return name
        kept = re.sub(r"[^\w ,.'@+()-]", "_", name)[:60].strip(" .")
        return f"{kept or '_'}-{hashlib.sha256(os.fsencode(record.raw)).hexdigest()[:8]}"


def is_plain(name: str) -> bool:
    """Whether a name can be a file's name on every system as it is."""
    return (
        PLAIN_NAME.fullmatch(name) is not None
        and len(name.encode()) <= 200
        and not DEVICES.fullmatch(name)
        and not MARKED.search(name)
        and not name.endswith((".", " "))
    )


def remove_others(folder: Path, suffix: str, written: set[str]) -> None:
    """Remove from `folder` what was written for students who are no longer there, and what a killed run left."""
    for path in folder.iterdir():
        stale = path.suffix == suffix and path.name not in written
        if stale or path.name.startswith(".") and path.suffix == ".partial":
            path.unlink()


class Piles:
    """Text in several piles that grow side by side on the disk, so that one pass over the records fills them all."""

    def __init__(self):
        self.piles: dict[str, TextIO] = {}

    def __enter__(self) -> "Piles":
        return self

    def __exit__(self, *raised) -> None:
        for pile in self.piles.values():
            pile.close()

    def add(self, name: str, text: str) -> None:
        if name not in self.piles:
            self.piles[name] = tempfile.TemporaryFile(
                "w+", encoding="utf-8", errors="backslashreplace", newline=""
            )
        self.piles[name].write(text)

    def read(self, name: str) -> Iterator[str]:
        """What was added to a pile, in pieces."""
        if name in self.piles:
            self.piles[name].seek(0)
            while piece := self.piles[name].read(65_536):
                yield piece
