"""gradebook.csv: one row a student. Stretch exercises have a column and count nowhere else.

The columns of exercises and written answers hold points before lateness, those of labs and `total` after it.
What could not be graded is empty.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from labkit.grading.exports.files import Names
from labkit.grading.exports.text import line
from labkit.grading.exports.words import flags, levels
from labkit.grading.folder import writing
from labkit.grading.limits import MOST_TEXT
from labkit.grading.points import Sheet, exercise_points, lab_points, mark, most, total
from labkit.grading.record import Record
from labkit.grading.texts import neutral

FILE = "gradebook.csv"


def write(out: Path, records: Iterable[Record], names: Names, sheet: Sheet) -> Path:
    """Write gradebook.csv into `out`."""
    with writing(out / FILE) as file:
        writer = csv.writer(file)
        writer.writerow(header(sheet))
        for record in records:
            writer.writerow(row(sheet, record, names.shared(record)))
    return out / FILE


def header(sheet: Sheet) -> list[str]:
    exercises = [f"{lab}.{one.name}" for lab, those in sheet.labs.items() for one in those]
    marked = [f"{lab}.{name}" for lab in sheet.labs for name in sheet.marked(lab)]
    return ["student", *exercises, *marked, *sheet.labs, "total", "max", "flags", "level"]


def row(sheet: Sheet, record: Record, same_name: bool) -> list[object]:
    entries = record.entries
    exercises = [
        exercise_points(sheet, one, entries[lab]) if lab in entries else None
        for lab, those in sheet.labs.items()
        for one in those
    ]
    marks = [mark(sheet, record, lab, name).points for lab in sheet.labs for name in sheet.marked(lab)]
    labs = [lab_points(sheet, record, lab) for lab in sheet.labs]
    points = ["" if value is None else value for value in (*exercises, *marks, *labs, total(sheet, record))]
    told = "; ".join(line(flag, MOST_TEXT) for flag in flags(sheet, record, same_name))
    return [neutral(record.student), *points, most(sheet), neutral(told), levels(record)]
