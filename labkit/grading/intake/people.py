"""Students, and the notebooks each of them handed in."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from labkit.grading.intake.nodes import Node, on_disk, read
from labkit.grading.limits import MOST_NOTEBOOK, MOST_TOLD


@dataclass(frozen=True)
class Upload:
    """A notebook as it was handed in, not read yet.

    name     the file's name as the student or the platform had it, for people to read
    read     its bytes, at most MOST_NOTEBOOK of them; read anew each time. Raises Unreadable
    attempt  the platform's count: a higher one was handed in later
    at       when it was handed in, an ISO time with offset, where that is told; else empty
    """

    name: str
    read: Callable[[], bytes]
    attempt: int = 0
    at: str = ""


@dataclass
class Student:
    """One who handed in something.

    raw      the name of the folder or file as it came, or the student's address: no two students share it
    shown    the student's name where the platform tells it; else empty
    ids      what the platform calls them: {"canvas": "4711"}, {"moodle": "123456"}, {"gradescope": "ana@example.org"}
    uploads  their notebooks, by name
    told     sentences for the instructor
    """

    raw: str
    shown: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name as it came, in NFC; bytes that are no text are written out."""
        return unicodedata.normalize("NFC", (self.shown or self.raw).encode("utf-8", "backslashreplace").decode())

    def tell(self, sentence: str) -> None:
        """Keep a sentence for the instructor, once, and not without end."""
        if sentence not in self.told and len(self.told) < MOST_TOLD:
            self.told.append(sentence)


def upload(node: Node | Path, attempt: int = 0, at: str = "") -> Upload:
    """A notebook file, not read yet."""
    node = on_disk(node) if isinstance(node, Path) else node
    return Upload(short(node.name), lambda: read(node, MOST_NOTEBOOK), attempt, at)


def short(name: str) -> str:
    """A name that can be shown: text, not too long, its ending kept."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode())
    return name if len(name) <= 100 else f"{name[:69]}…{name[-30:]}"
