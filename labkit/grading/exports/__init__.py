"""Exports: everything that is written from finished records. Nothing is run or graded here.

    gradebook.csv       one row a student
    feedback/           one page a student
    marking.html, .csv  written answers: to read, and to type points and comments into
    summary.html        the class at a glance
    canvas.csv, moodle.csv, gradescope/   for the platforms

The same records give the same bytes. One record is held at a time, however many there are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from labkit.books import places
from labkit.errors import CommandError
from labkit.grading.exports import (
    feedback,
    gradebook_csv,
    gradescope,
    marking,
    marks,
    platforms,
    summary,
    written,
)
from labkit.grading.exports.files import Names, remove_others
from labkit.grading.exports.marks import read_marks
from labkit.grading.folder import write_whole
from labkit.grading.points import Prose, Sheet
from labkit.grading.record import Record

# Everything that an export may leave in a grading folder.
WRITTEN = (
    gradebook_csv.FILE, feedback.FOLDER, marking.PAGE, marks.FILE, summary.FILE, platforms.CANVAS, platforms.MOODLE,
    gradescope.FOLDER,
)  # fmt: skip


def questions(root: Path, labs: Iterable[str]) -> dict[str, dict[str, Prose]]:
    """The questions of the labs of the course at `root` that are answered in writing, for `Sheet.prose`."""
    notebooks = {lab: places.notebook_of(root, lab) for lab in labs}
    return {lab: written.asked_in(path, places.solution_paths(root, path)[0]) for lab, path in notebooks.items()}


def with_marks(out: Path, sheet: Sheet) -> Sheet:
    """The sheet with what was typed into `out`/marking.csv. Raises CommandError."""
    return replace(sheet, marks=read_marks(out, sheet))


def write(
    out: Path,
    records: Callable[[], Iterator[Record]],
    sheet: Sheet,
    tell: Callable[[str], None] = lambda sentence: None,
) -> list[Path]:
    """Write every export into the folder `out`; returns the files, folders as such.

    records: gives all records in the order of the gradebook, anew each time it is called. tell: gets sentences for
    the instructor about files; the summary has them too. Each file is written whole or not at all. Pages of students
    who are no longer there are removed. Raises CommandError where marking.csv or the folder cannot be used.
    """
    told: list[str] = []
    try:
        names = Names(records())
        paths = marking.write(out, records(), sheet, told.append)  # first: it is the one that may be refused
        paths.append(gradebook_csv.write(out, records(), names, sheet))
        paths += write_students(out, records(), names, sheet)
        paths += platforms.write(out, records, sheet, told.append)
        paths.append(summary.write(out, records(), names, sheet, told))
    except OSError as error:
        raise CommandError(f"{error.filename or out} cannot be written: {error.strerror}.") from None
    for sentence in told:
        tell(sentence)
    return paths


def write_students(out: Path, records: Iterator[Record], names: Names, sheet: Sheet) -> list[Path]:
    """The files there is one of for each student."""
    kinds = {feedback.FOLDER: (".html", feedback.feedback), gradescope.FOLDER: (".json", gradescope.text)}
    those: set[str] = set()
    for folder in kinds:
        (out / folder).mkdir(exist_ok=True)
    for record in records:
        name = names.of(record)
        those.add(name)
        for folder, (suffix, text) in kinds.items():
            write_whole(out / folder / f"{name}{suffix}", text(sheet, record))
    for folder, (suffix, _) in kinds.items():
        remove_others(out / folder, suffix, {f"{name}{suffix}" for name in those})
    return [out / folder for folder in kinds]


__all__ = ["WRITTEN", "questions", "read_marks", "with_marks", "write"]
