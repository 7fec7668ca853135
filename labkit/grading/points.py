"""From records to points: settings, marks given by hand, lateness. Nothing is run or graded here."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from labkit.asked import Exercise
from labkit.grading.record import Entry, Found, Record
from labkit.grading.settings import Settings


@dataclass(frozen=True)
class Prose:
    """A question that is answered in writing: what is asked, and a model answer if there is one (Markdown)."""

    question: str
    model: str = ""


@dataclass(frozen=True)
class Mark:
    """What was given by hand to a written answer.

    points   None where only a comment was given
    comment  for the student; may be empty
    answer   `print_of` the answer that was marked; empty where that is not known
    """

    points: float | None = None
    comment: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Sheet:
    """All that turns records into points.

    labs   the exercises of each lab that is graded, in course order
    prose  the questions of each lab that are answered in writing, by id, in the notebook's order
    marks  marks[key_of(raw)][answer id]: what was given by hand, oldest first; raw as in Record
    """

    labs: dict[str, list[Exercise]]
    prose: dict[str, dict[str, Prose]] = field(default_factory=dict)
    settings: Settings = Settings()
    marks: dict[str, dict[str, list[Mark]]] = field(default_factory=dict)

    def marked(self, lab: str) -> list[str]:
        """The written answers of a lab that earn points."""
        return [name for name in self.prose.get(lab, {}) if name in self.settings.marking]

    def most(self, lab: str) -> float:
        """The most points a lab earns: core exercises and written answers that are marked."""
        core = sum(self.settings.worth(one) for one in self.labs[lab] if one.core)
        return tidy(core + sum(self.settings.marking[name] for name in self.marked(lab)))


def exercise_points(sheet: Sheet, exercise: Exercise, entry: Entry) -> float | None:
    """What the answer to one exercise earns, before lateness; None where nothing could be graded."""
    found = found_in(entry, exercise)
    return None if found is None else tidy(sheet.settings.worth(exercise) * earned(sheet.settings, found))


def earned(settings: Settings, found: Found) -> float:
    """The part of its points an answer keeps; what was right with right helpers keeps what the settings say."""
    return found.part * (settings.carried_forward if found.carried else 1)


def found_in(entry: Entry, exercise: Exercise) -> Found | None:
    return next((one for one in entry.graded.found if one.exercise == exercise.name), None)


def kept(sheet: Sheet, record: Record, lab: str) -> float:
    """The part of a lab's points that lateness leaves, 0 to 1."""
    return sheet.settings.kept(record.student, lab, record.entries[lab].handed.time)


def days_late(sheet: Sheet, record: Record, lab: str) -> int:
    """How many days after its deadline a lab was handed in, a day that has begun counting whole; 0 for in time."""
    return sheet.settings.days_late(record.student, lab, record.entries[lab].handed.time)


def lab_points(sheet: Sheet, record: Record, lab: str) -> float | None:
    """What a lab earns: its core exercises and marked written answers, after lateness; None where not graded."""
    before = before_lateness(sheet, record, lab)
    return None if before is None else tidy(before * kept(sheet, record, lab))


def before_lateness(sheet: Sheet, record: Record, lab: str) -> float | None:
    """What a lab would earn in time; None where not graded."""
    entry = record.entries.get(lab)
    if entry is None or entry.graded.trouble:
        return None
    core = [exercise_points(sheet, one, entry) or 0 for one in sheet.labs[lab] if one.core]
    marks = [mark(sheet, record, lab, name).points or 0 for name in sheet.marked(lab)]
    return tidy(sum(core) + sum(marks))


def mark(sheet: Sheet, record: Record, lab: str, answer: str) -> Mark:
    """What was given by hand to a written answer; an empty Mark where it was not marked yet.

    Of several, the one that was given to the answer as it is now, else the last.
    """
    marks = sheet.marks.get(key_of(record.raw), {}).get(answer, [])
    now = print_of(prose_of(record, lab, answer))
    return next((one for one in reversed(marks) if one.answer == now), marks[-1] if marks else Mark())


def outdated(record: Record, lab: str, answer: str, given: Mark) -> bool:
    """Whether a mark was given to an answer that has changed since."""
    return bool(given.answer) and given.answer != print_of(prose_of(record, lab, answer))


def prose_of(record: Record, lab: str, answer: str) -> str:
    """A written answer; empty where there is none."""
    entry = record.entries.get(lab)
    return entry.handed.prose.get(answer, "") if entry else ""


def print_of(text: str) -> str:
    """What tells a written answer from others: a letter first, so that no spreadsheet takes it for a number."""
    return "a" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def key_of(raw: str) -> str:
    """What tells a student from others in a table that spreadsheets open and save: plain letters and digits."""
    return "s" + hashlib.sha256(os.fsencode(raw)).hexdigest()[:12]


def total(sheet: Sheet, record: Record, labs: Iterable[str] | None = None) -> float | None:
    """What all labs earn together; None where one could not be graded."""
    points = [lab_points(sheet, record, lab) for lab in (sheet.labs if labs is None else labs)]
    return None if None in points else tidy(sum(points))


def most(sheet: Sheet) -> float:
    return tidy(sum(map(sheet.most, sheet.labs)))


def tidy(points: float) -> float:
    """Points to two places; whole numbers without a point."""
    rounded = round(float(points) + 1e-9, 2)
    return int(rounded) if rounded == int(rounded) else rounded
