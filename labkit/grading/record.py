"""What grading finds out: plain values that the journal keeps and every export reads.

    Handed   what a student handed in for one lab, as intake read it
    Graded   what running it found: depends on its code, not on who wrote it or when
    Record   one student: of every lab both
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime

RIGHT, WRONG, MISSING = "right", "wrong", "not answered"


@dataclass(frozen=True)
class Found:
    """What one answer is worth and why.

    state     RIGHT, WRONG or MISSING
    part      of its points, 0 to 1
    text      the report, in the words of the notebook's checks
    mistake   name of the most telling known mistake, or empty
    sentence  the same in words
    printed   what it printed on the small cases
    trouble   a few words for the instructor, empty for ordinary answers
    carried   wrong exercises it calls; with right ones in their place it is right
    """

    exercise: str
    state: str
    part: float
    text: str
    mistake: str = ""
    sentence: str = ""
    printed: str = ""
    trouble: str = ""
    carried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """What one cell did in the nbval step.

    begins    its first line
    exercise  the exercise it defines, or empty
    check     the exercise it checks, or empty
    outcome   "passed", "failed" or "not run"
    text      the error, empty where it passed
    """

    begins: str
    exercise: str
    check: str
    outcome: str
    text: str = ""


@dataclass(frozen=True)
class Graded:
    """What running one notebook found.

    level     the sandbox it ran in: "bwrap" or "none"
    points    whose verdict earns the points: "judge" or "nbval"
    found     one for each exercise of the lab, in course order
    notes     sentences for the student
    flags     sentences for the instructor
    cells     the nbval step, cell by cell; None if that step was left out
    not_ran   why the nbval step did not come to its end, or empty
    trouble   why nothing could be graded at all (the machine's fault), or empty; found is empty then
    """

    lab: str
    level: str
    points: str = "judge"
    found: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    cells: tuple[Cell, ...] | None = None
    not_ran: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class Handed:
    """What one student handed in for one lab.

    file   the notebook's name as it came; empty where there is none
    at     when, if the way it came tells it; an ISO time with offset, or empty
    prose  written answers by id, Markdown as it came ("lab02-write-up"); those left as they were are not here
    flags  sentences for the instructor: edited checks, two notebooks, …
    """

    lab: str
    file: str = ""
    at: str = ""
    prose: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def time(self) -> datetime | None:
        return datetime.fromisoformat(self.at) if self.at else None


@dataclass(frozen=True)
class Entry:
    """One lab of one student."""

    handed: Handed
    graded: Graded


@dataclass(frozen=True)
class Record:
    """One student.

    student  the name as it came, in NFC
    raw      the name of the folder or file as the file system has it; two students never share one
    ids      what the learning platform calls them: {"canvas": "4711"}, {"moodle": "123456"}, {"gradescope": "…"}
    entries  by lab, in course order
    flags    sentences for the instructor that belong to no lab
    """

    student: str
    raw: str
    ids: dict[str, str] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def graded(self) -> bool:
        """Whether every lab has been graded."""
        return not any(entry.graded.trouble for entry in self.entries.values())

    def all_flags(self) -> Iterator[str]:
        """Everything there is to tell the instructor, labs named."""
        yield from self.flags
        for lab, entry in self.entries.items():
            if entry.graded.trouble:
                yield f"{lab} not graded: {entry.graded.trouble}"
            for flag in (*entry.handed.flags, *entry.graded.flags):
                yield f"{lab}: {flag}"
            for one in entry.graded.found:
                if one.trouble:
                    yield f"{lab}.{one.exercise}: {one.trouble}"


def to_json(value: Graded | Handed) -> dict:
    """A value as JSON can hold it."""
    return asdict(value)


def graded_from(tree: dict) -> Graded:
    """The opposite of `to_json`."""
    found = tuple(Found(**{**one, "carried": tuple(one["carried"])}) for one in tree["found"])
    cells = None if tree["cells"] is None else tuple(Cell(**one) for one in tree["cells"])
    rest = {one.name: tree[one.name] for one in fields(Graded) if one.name not in ("found", "cells")}
    return Graded(**{**rest, "notes": tuple(rest["notes"]), "flags": tuple(rest["flags"])}, found=found, cells=cells)


def handed_from(tree: dict) -> Handed:
    """The opposite of `to_json`."""
    return Handed(**{**tree, "flags": tuple(tree["flags"])})
