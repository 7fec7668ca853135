"""canvas.csv and moodle.csv: grades as the learning platforms take them in.

Both need the platform's own number of a student, which the names of downloaded files tell (`Record.ids`). Who
has none, or could not be graded, is left out and told: an empty grade would wipe out one that is there.

Canvas takes the columns Student, ID, SIS User ID, SIS Login ID, Section, then one for each assignment, and a second
row "Points Possible". It finds students by ID, and assignments by title.

Moodle's "offline grading worksheet" belongs to one assignment, as do its participant numbers: the grade is for all
labs that were graded together. Of its columns, Moodle reads Identifier, Grade, Last modified (grade) and Feedback
comments; without one of the first three it refuses the file. Comments are HTML.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path

from labkit.grading.exports.text import line, plural
from labkit.grading.exports.words import late_sentence, verdict
from labkit.grading.folder import writing
from labkit.grading.points import Sheet, exercise_points, found_in, lab_points, mark, most, total
from labkit.grading.record import Record
from labkit.grading.texts import neutral

CANVAS, MOODLE = "canvas.csv", "moodle.csv"
CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE_COLUMNS = (
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
    "Last modified (submission)", "Last modified (grade)", "Feedback comments",
)  # fmt: skip
MODIFIED = "“Allow updating records that have been modified more recently in Moodle than in the spreadsheet”"


def write(
    out: Path, records: Callable[[], Iterable[Record]], sheet: Sheet, tell: Callable[[str], None]
) -> Iterator[Path]:
    """Write the files for which there are numbers of students into `out`, and remove those for which there are none.

    `tell` gets sentences on who is left out and what to do on importing.
    """
    tables = {
        "canvas": (CANVAS, [[*CANVAS_COLUMNS, *sheet.labs], canvas_maximum(sheet)], canvas_row),
        "moodle": (MOODLE, [list(MOODLE_COLUMNS)], moodle_row),
    }
    for platform, (name, head, row) in tables.items():
        written = unknown = ungraded = 0
        path = out / name
        with writing(path) as file:
            writer = csv.writer(file)
            writer.writerows(head)
            for record in records():
                if not known(record, platform):
                    unknown += 1
                elif total(sheet, record) is None:
                    ungraded += 1
                else:
                    writer.writerow(row(sheet, record))
                    written += 1
        if not written:
            path.unlink()
            continue
        if unknown:
            left_out = plural(unknown, "student")
            tell(f"{name}: {left_out} left out: no file name tells their number in {platform.title()}.")
        if ungraded:
            tell(f"{name}: {plural(ungraded, 'student')} left out, because they could not be graded.")
        tell(f"{name}: {advice(platform, sheet)}")
        yield path


def known(record: Record, platform: str) -> bool:
    """Whether the platform's number of a student is there: a number, so that nothing else gets into the file."""
    number = record.ids.get(platform, "")
    return number.isascii() and number.isdigit()


def advice(platform: str, sheet: Sheet) -> str:
    if platform == "canvas":
        return (
            f"before you import it, rename its columns {', '.join(sheet.labs)} to the titles of your assignments. "
            "Canvas makes new assignments for titles it does not know."
        )
    return f"where grades are there already, tick {MODIFIED} on importing."


def canvas_maximum(sheet: Sheet) -> list[object]:
    return ["    Points Possible", "", "", "", "", *map(sheet.most, sheet.labs)]


def canvas_row(sheet: Sheet, record: Record) -> list[object]:
    points = [lab_points(sheet, record, lab) for lab in sheet.labs]
    return [neutral(line(record.student, 200)), record.ids["canvas"], "", "", "", *points]


def moodle_row(sheet: Sheet, record: Record) -> list[object]:
    identifier = f"Participant {record.ids['moodle']}"
    name = neutral(line(record.student, 200))
    return [identifier, name, "", "", total(sheet, record), most(sheet), "Yes", "-", "-", comment(sheet, record)]


def comment(sheet: Sheet, record: Record) -> str:
    """A short feedback in HTML, in our own words and the instructor's alone."""
    parts = []
    for lab, exercises in sheet.labs.items():
        parts.append(f"<p><b>{lab}: {lab_points(sheet, record, lab)} of {sheet.most(lab)} points.</b>")
        parts.append(f" {late}</p>" if (late := late_sentence(sheet, record, lab)) else "</p>")
        parts.append("<ul>")
        for one in exercises:
            found = found_in(record.entries[lab], one)
            points = exercise_points(sheet, one, record.entries[lab])
            said = f"{one.name}: {verdict(found)}, {points} of {sheet.settings.worth(one)}."
            told = found.sentence if found else ""
            parts.append(f"<li>{escape(f'{said} {line(told, 1000)}'.strip())}</li>")
        for name in sheet.prose.get(lab, {}):
            given = mark(sheet, record, lab, name)
            if given.points is not None or given.comment:
                points = "" if given.points is None else f" {given.points} of {sheet.settings.marking[name]}."
                parts.append(f"<li>{escape(f'{name}:{points} {line(given.comment, 5000)}'.strip())}</li>")
        parts.append("</ul>")
    return "".join(parts)
