"""From records to points: settings, marks given by hand, lateness. Nothing is run or graded here."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from labkit.asked import Exercise
from labkit.grading.record import Entry, Found, Record
from labkit.grading.settings import Settings


@dataclass(frozen=True)
class Sheet:
    """All that turns records into points.

    labs   the exercises of each lab that is graded, in course order
    prose  the ids of each lab's written answers, in the notebook's order
    marks  points and a comment given by hand: marks[raw][answer id] = (points, comment); raw as in Record
    """

    labs: dict[str, list[Exercise]]
    prose: dict[str, list[str]] = field(default_factory=dict)
    settings: Settings = Settings()
    marks: dict[str, dict[str, tuple[float, str]]] = field(default_factory=dict)

    def marked(self, lab: str) -> list[str]:
        """The written answers of a lab that earn points."""
        return [name for name in self.prose.get(lab, []) if name in self.settings.marking]

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


def lab_points(sheet: Sheet, record: Record, lab: str) -> float | None:
    """What a lab earns: its core exercises and marked written answers, after lateness; None where not graded."""
    entry = record.entries[lab]
    if entry.graded.trouble:
        return None
    core = [exercise_points(sheet, one, entry) or 0 for one in sheet.labs[lab] if one.core]
    marks = [mark(sheet, record, name)[0] or 0 for name in sheet.marked(lab)]
    return tidy((sum(core) + sum(marks)) * kept(sheet, record, lab))


def mark(sheet: Sheet, record: Record, answer: str) -> tuple[float | None, str]:
    """Points and comment given by hand to a written answer; (None, "") where it was not marked yet."""
    return sheet.marks.get(record.raw, {}).get(answer, (None, ""))


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
