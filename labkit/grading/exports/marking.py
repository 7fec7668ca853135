"""Written answers: marking.html to read them question by question, marking.csv to type points and comments into."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from labkit.errors import CommandError
from labkit.grading.exports import marks
from labkit.grading.exports.files import Piles
from labkit.grading.exports.pages import page, pieces
from labkit.grading.exports.text import line, plural
from labkit.grading.folder import writing
from labkit.grading.points import Sheet, key_of, mark, outdated, print_of, prose_of
from labkit.grading.record import Record
from labkit.grading.texts import neutral

PAGE = "marking.html"
MOST_ANSWER = 20_000  # characters of one answer on the page
MOST_WORDS = 60  # characters of it in the table


def write(
    out: Path, records: Iterable[Record], sheet: Sheet, tell: Callable[[str], None] = lambda sentence: None
) -> list[Path]:
    """Write marking.html and marking.csv into `out`.

    What was typed into the table stays, byte for byte; answers that are new or have changed get a new row. Raises
    CommandError, with all files as they were, where the table cannot be read. `tell` gets a sentence about marks
    that belong to nobody.
    """
    table = marks.read(out / marks.FILE)
    there = {row.key for row in table.rows}
    orphans = Counter(row.key[0] for row in table.rows if row.typed and row.lab in sheet.labs)
    current: set[marks.Key] = set()
    asked = [(lab, name) for lab in sheet.labs for name in sheet.prose.get(lab, {})]
    answered, marked = Counter(), Counter()
    with Piles() as rows, Piles() as answers:
        for record in records:
            orphans.pop(key_of(record.raw), None)
            for lab, name in asked:
                text = prose_of(record, lab, name)
                if not text.strip():
                    continue
                given = mark(sheet, record, lab, name)
                answered[name] += 1
                marked[name] += given.points is not None
                key = (key_of(record.raw), name, print_of(text))
                asks = key if key in there else (*key[:2], "")  # a row without a print is for any answer
                if asks in there:
                    current.add(asks)
                else:
                    rows.add(name, new_row(table, record, lab, key, text))
                answers.add(name, answer(sheet, record, lab, name))
        kept = [row for row in table.rows if row.lab and row.lab not in sheet.labs]
        current.update(row.key for row in kept)
        with writing(out / marks.FILE, table.encoding) as file:
            file.writelines(marks.merged(table, current, [rows.read(name) for _, name in asked]))
            require_unchanged(table)
        with writing(out / PAGE) as file:
            file.writelines(
                pieces(
                    "marking.html",
                    asked=[(lab, name, sheet.prose[lab][name]) for lab, name in asked],
                    most=sheet.settings.marking,
                    answered=answered,
                    marked=marked,
                    answers=answers.read,
                )
            )
    if orphans:
        tell(
            f"{marks.FILE}: {plural(sum(orphans.values()), 'mark')} of {plural(len(orphans), 'student')} who "
            f"{'is' if len(orphans) == 1 else 'are'} not here. They stay in the file and count for nobody."
        )
    return [out / marks.FILE, out / PAGE]


def require_unchanged(table: marks.Table) -> None:
    """Raise CommandError if somebody saved the table since it was read: what they typed comes first."""
    now = table.path.read_bytes() if table.path.exists() else None
    if now != table.data:
        raise CommandError(f"{table.path} was saved by somebody just now. Run this again: it takes in what is new.")


def new_row(table: marks.Table, record: Record, lab: str, key: marks.Key, text: str) -> str:
    student, name, print_ = key
    return table.row(
        student=neutral(line(record.student, 200)),
        id=student,
        lab=lab,
        question=name,
        answer=print_,
        begins=neutral(line(" ".join(text.split()), MOST_WORDS)),
    )


def answer(sheet: Sheet, record: Record, lab: str, name: str) -> str:
    """One student's answer on the page."""
    given = mark(sheet, record, lab, name)
    return page(
        "marking_answer.html",
        record=record,
        id=key_of(record.raw),
        name=name,
        text=prose_of(record, lab, name),
        mark=given,
        most=sheet.settings.marking.get(name),
        outdated=outdated(record, lab, name, given),
        most_answer=MOST_ANSWER,
    )
