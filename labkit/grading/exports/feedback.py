"""feedback/NAME.html: what a student reads. One page each, whole in itself."""

from dataclasses import dataclass

from labkit.asked import Exercise
from labkit.grading.exports.pages import page
from labkit.grading.exports.text import join
from labkit.grading.exports.words import (
    CARRIED,
    SYMBOLS,
    Report,
    disagreements,
    late_note,
    late_sentence,
    out_of,
    percent,
    report,
    verdict,
)
from labkit.grading.limits import MOST_PRINTED
from labkit.grading.points import (
    Mark,
    Sheet,
    before_lateness,
    exercise_points,
    found_in,
    lab_points,
    mark,
    most,
    outdated,
    prose_of,
    total,
)
from labkit.grading.record import RIGHT, Cell, Entry, Record

FOLDER = "feedback"
MOST_ANSWER = 20_000  # characters of a written answer on a page


@dataclass(frozen=True)
class Answer:
    """One exercise on the page."""

    exercise: Exercise
    verdict: str
    symbol: str
    points: float | None
    most: float
    report: Report
    printed: str
    carried: str
    look: str


@dataclass(frozen=True)
class Written:
    """One written answer on the page; most is None where it earns no points."""

    name: str
    text: str
    mark: Mark
    most: float | None
    outdated: bool

    @property
    def points_told(self) -> str:
        if self.mark.points is None:
            return "not marked yet" if self.text else f"0 of {self.most}"
        return f"{self.mark.points} of {self.most}"


@dataclass(frozen=True)
class Lab:
    """One lab on the page; entry is None where there is no result."""

    name: str
    entry: Entry | None
    points: float | None
    before: float | None
    most: float
    late: str
    note: str
    answers: list[Answer]
    written: list[Written]
    cells: tuple[Cell, ...]


def feedback(sheet: Sheet, record: Record) -> str:
    """The page of one student."""
    return page(
        "feedback.html",
        record=record,
        labs=[lab_of(sheet, record, lab) for lab in sheet.labs],
        total=total(sheet, record),
        most=most(sheet),
        most_printed=MOST_PRINTED,
        most_answer=MOST_ANSWER,
        symbols={"passed": "✓", "failed": "✗", "not run": "–"},
    )


def lab_of(sheet: Sheet, record: Record, lab: str) -> Lab:
    entry = record.entries.get(lab)
    graded = entry is not None and not entry.graded.trouble
    look = dict(disagreements(entry.graded)) if graded else {}
    written = [written_of(sheet, record, lab, name) for name in sheet.prose.get(lab, {})] if entry else []
    return Lab(
        name=lab,
        entry=entry,
        points=lab_points(sheet, record, lab),
        before=before_lateness(sheet, record, lab),
        most=sheet.most(lab),
        late=late_sentence(sheet, record, lab) if graded else "",
        note=late_note(sheet, record, lab) if graded else "",
        answers=[answer_of(sheet, entry, one, look.get(one.name, "")) for one in sheet.labs[lab]] if graded else [],
        written=[one for one in written if one.most is not None or one.mark.comment],
        cells=entry.graded.cells or () if graded else (),
    )


def answer_of(sheet: Sheet, entry: Entry, exercise: Exercise, look: str) -> Answer:
    found = found_in(entry, exercise)
    word = verdict(found)
    return Answer(
        exercise=exercise,
        verdict=word,
        symbol=SYMBOLS.get(word, "✗"),
        points=exercise_points(sheet, exercise, entry),
        most=out_of(sheet, exercise),
        report=report(found.text if found else ""),
        printed=found.printed if found and found.state != RIGHT else "",
        carried=carried_sentence(sheet, found.carried) if word == CARRIED else "",
        look=look,
    )


def carried_sentence(sheet: Sheet, carried: tuple[str, ...]) -> str:
    is_wrong = "is" if len(carried) == 1 else "are"
    keeps = percent(sheet.settings.carried_forward)
    return f"Wrong {is_wrong} only {join(list(carried))}, which it calls. So it keeps {keeps} of its points."


def written_of(sheet: Sheet, record: Record, lab: str, name: str) -> Written:
    given = mark(sheet, record, lab, name)
    return Written(
        name, prose_of(record, lab, name), given, sheet.settings.marking.get(name), outdated(record, lab, name, given)
    )
