"""summary.html: the class at a glance, for the instructor."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labkit.grading.exports.files import Names, Piles
from labkit.grading.exports.pages import page, pieces
from labkit.grading.exports.plot import STATES, points_plot, states_plot
from labkit.grading.exports.text import plural
from labkit.grading.exports.words import disagreements, flags, levels, verdict
from labkit.grading.folder import writing
from labkit.grading.points import Sheet, found_in, lab_points
from labkit.grading.record import MISSING, Record

FILE = "summary.html"
MOST_MISTAKES = 12  # of one lab


@dataclass
class Lab:
    """What is counted of one lab.

    students  who were graded
    handed    of whom a notebook could be read
    points    students by points
    states    by exercise: students by state
    mistakes  by (exercise, mistake's name): students
    """

    name: str
    students: int = 0
    handed: int = 0
    points: Counter = field(default_factory=Counter)
    states: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    mistakes: Counter = field(default_factory=Counter)
    disagree: Counter = field(default_factory=Counter)


def write(out: Path, records: Iterable[Record], names: Names, sheet: Sheet, told: Iterable[str] = ()) -> Path:
    """Write summary.html into `out`. told: sentences about the other files."""
    labs = {lab: Lab(lab) for lab in sheet.labs}
    sentences: dict[tuple[str, str], str] = {}
    count, used = 0, Counter()
    with Piles() as piles:
        for record in records:
            count += 1
            used[levels(record)] += 1
            for lab in labs.values():
                add(lab, sentences, sheet, record)
            if lines := list(flags(sheet, record, names.shared(record))):
                piles.add("flags", page("summary_flags.html", record=record, flags=lines))
            for lab, entry in record.entries.items():
                for exercise, sentence in disagreements(entry.graded):
                    piles.add("look", page("summary_look.html", record=record, lab=lab, name=exercise, told=sentence))
        with writing(out / FILE) as file:
            file.writelines(
                pieces(
                    "summary.html",
                    count=count,
                    levels=sorted(used.items()),
                    labs=[view(lab, sentences, sheet) for lab in labs.values()],
                    states=list(STATES),
                    told=list(told),
                    look=piles.read("look"),
                    disagree=sum(sum(lab.disagree.values()) for lab in labs.values()),
                    flags=piles.read("flags"),
                )
            )
    return out / FILE


def add(lab: Lab, sentences: dict[tuple[str, str], str], sheet: Sheet, record: Record) -> None:
    """Count one student in."""
    points = lab_points(sheet, record, lab.name)
    if points is None:
        return
    entry = record.entries[lab.name]
    lab.students += 1
    lab.handed += bool(entry.handed.file)
    lab.points[points] += 1
    for exercise in sheet.labs[lab.name]:
        found = found_in(entry, exercise)
        lab.states[exercise.name][verdict(found) if found else MISSING] += 1
        if found and found.mistake:
            lab.mistakes[exercise.name, found.mistake] += 1
            sentences.setdefault((exercise.name, found.mistake), found.sentence)
    lab.disagree.update(exercise for exercise, _ in disagreements(entry.graded))


def view(lab: Lab, sentences: dict[tuple[str, str], str], sheet: Sheet) -> dict[str, object]:
    """What the page shows of a lab."""
    exercises = [one.name for one in sheet.labs[lab.name]]
    most = sheet.most(lab.name)
    # Counters keep the order of the students; the most frequent first, then by name, whoever came first.
    mistakes = sorted(lab.mistakes.items(), key=lambda one: (-one[1], one[0]))
    return {
        "name": lab.name,
        "students": lab.students,
        "handed": lab.handed,
        "most": most,
        "quartiles": list(quartiles(lab.points)) if lab.students else [],
        "exercises": [(name, lab.states[name], lab.disagree[name]) for name in exercises],
        "mistakes": [(n, name, sentences[name, mistake]) for (name, mistake), n in mistakes[:MOST_MISTAKES]],
        "more": len(mistakes[MOST_MISTAKES:]),
        "points_plot": points_plot(lab.points, most) if lab.students else "",
        "states_plot": states_plot(exercises, [lab.states[name] for name in exercises], lab.name)
        if lab.students
        else "",
        "spread": ", ".join(f"{plural(n, 'student')} with {value:g}" for value, n in sorted(lab.points.items())),
    }


def quartiles(points: Counter) -> Iterator[float]:
    """The points that a quarter, half and three quarters of the students do not exceed."""
    ordered, students = sorted(points), points.total()
    for part in (0.25, 0.5, 0.75):
        seen = 0
        for value in ordered:
            seen += points[value]
            if seen >= part * students:
                yield value
                break
