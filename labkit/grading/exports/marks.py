"""marking.csv: points and comments for written answers, typed by an instructor.

It is opened and saved by spreadsheets, so its dialect is found out on reading: a byte order mark or none, UTF-8,
UTF-16 or Windows' own letters; commas, semicolons or tabs; decimal points or commas; any newline. What an
instructor typed is never written anew: rows with points or a comment keep their bytes.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.asked import nearest
from labkit.errors import CommandError
from labkit.grading.points import Mark, Sheet, tidy

FILE = "marking.csv"
COLUMNS = ("student", "id", "lab", "question", "points", "comment", "answer", "begins")
NEEDED = ("id", "lab", "question", "points", "comment", "answer")
NUMBER = re.compile(r"\d{1,6}([.,]\d{1,6})?")
BOM = "\ufeff"
ENCODINGS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

Key = tuple[str, str, str]  # id of the student, question, print of the answer


@dataclass(frozen=True)
class Row:
    """One row.

    text   as it stands in the file
    typed  whether somebody gave points or a comment in it
    noted  whether somebody wrote something into a column of their own
    """

    line: int
    text: str
    lab: str
    key: Key
    points: str
    comment: str
    noted: bool

    @property
    def typed(self) -> bool:
        return bool(self.points or self.comment)


@dataclass(frozen=True)
class Table:
    """The file as it was found.

    data    its bytes; None where there is no file
    first   the row of titles as it stands, byte order mark and all
    header  the titles
    """

    path: Path
    data: bytes | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    newline: str = "\r\n"
    first: str = ",".join(COLUMNS) + "\r\n"
    header: tuple[str, ...] = COLUMNS
    rows: tuple[Row, ...] = ()

    def row(self, **cells: object) -> str:
        """A new row in the dialect of the file; columns that are not ours stay empty."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerow([cells.get(title, "") for title in self.header])
        return text.getvalue()


def read(path: Path) -> Table:
    """The table at `path`; an empty one where there is none. Raises CommandError: what is wrong, where, what to do."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Table(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    text, encoding = decoded(data, path)
    records = list(rows_of(text, path))
    if not records:
        raise CommandError(f"{path} is empty. Delete it, and it is written anew.")
    first, header, _ = records[0]
    header = [title.strip().lower() for title in header]
    for title in NEEDED:
        if header.count(title) != 1:
            found = "no column" if title not in header else "more than one column"
            raise CommandError(f"{path}, line 1: {found} {title}. Expected the columns {', '.join(COLUMNS)}.")
    newline = "\r\n" if first.endswith("\r\n") else first[-1:] if first.endswith(("\n", "\r")) else "\r\n"
    rows = tuple(row_of(raw, cells, header, line, path) for raw, cells, line in records[1:])
    return Table(path, data, encoding, delimiter_of(text), newline, first, tuple(header), rows)


def decoded(data: bytes, path: Path) -> tuple[str, str]:
    """The text of a file, its byte order mark included, and how it is encoded."""
    encoding = next((name for bom, name in ENCODINGS.items() if data.startswith(bom)), "utf-8")
    for attempt in (encoding, "cp1252"):
        try:
            return data.decode(attempt), attempt
        except UnicodeDecodeError:
            continue
    raise CommandError(f"{path} is no text in UTF-8. Save it as “CSV UTF-8” in your spreadsheet.")


def delimiter_of(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def rows_of(text: str, path: Path) -> Iterator[tuple[str, list[str], int]]:
    """Each row as it stands, its cells, and the line it begins in."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(iter([line.removeprefix(BOM) for line in lines]), delimiter=delimiter_of(text), strict=True)
    before = 0
    try:
        for cells in reader:
            yield "".join(lines[before : reader.line_num]), cells, before + 1
            before = reader.line_num
    except csv.Error as error:
        raise CommandError(
            f"{path}, line {before + 1}: this row cannot be read ({error}). Look for a quotation mark too many or "
            "too few there."
        ) from None


def row_of(raw: str, cells: list[str], header: list[str], line: int, path: Path) -> Row:
    if len(cells) > len(header) and any(cells[len(header) :]):
        raise CommandError(
            f"{path}, line {line}: {len(cells)} cells; expected {len(header)}. A cell that holds the separator needs "
            "quotation marks around it."
        )
    named = {title: cell.strip() for title, cell in zip(header, cells)}
    get = {title: named.get(title, "") for title in NEEDED}
    noted = any(cell for title, cell in named.items() if title not in COLUMNS)
    return Row(line, raw, get["lab"], (get["id"], get["question"], get["answer"]), get["points"], get["comment"], noted)


def read_marks(out: Path, sheet: Sheet) -> dict[str, dict[str, list[Mark]]]:
    """What was typed into `out`/marking.csv, for `Sheet.marks`; empty where there is no such file.

    Rows of labs that are not graded now are passed over. Raises CommandError that names line and column.
    """
    table = read(out / FILE)
    marks: dict[str, dict[str, list[Mark]]] = {}
    seen: dict[Key, Row] = {}
    for row in table.rows:
        if not row.typed or row.lab and row.lab not in sheet.labs:
            continue
        given = checked(row, sheet, table.path)
        earlier = seen.setdefault(row.key, row)
        if earlier is not row:
            if (earlier.points, earlier.comment) == (row.points, row.comment):
                continue
            raise CommandError(
                f"{table.path}, lines {earlier.line} and {row.line} mark the same answer differently. Delete one."
            )
        student, question, _ = row.key
        marks.setdefault(student, {}).setdefault(question, []).append(given)
    return marks


def checked(row: Row, sheet: Sheet, path: Path) -> Mark:
    """What a row gives. Raises CommandError."""
    student, question, answer = row.key
    if not student:
        raise CommandError(f"{path}, line {row.line}, column id is empty. Copy it from the student's other rows.")
    known = {name: lab for lab in sheet.labs for name in sheet.prose.get(lab, {})}
    if question not in known:
        raise CommandError(
            f"{path}, line {row.line}, column question: {question!r} is not asked; {nearest(question, list(known))}."
        )
    return Mark(points_in(row, question, sheet, path), row.comment, answer)


def points_in(row: Row, question: str, sheet: Sheet, path: Path) -> float | None:
    if not row.points:
        return None
    where = f"{path}, line {row.line}, column points"
    if question not in sheet.settings.marking:
        raise CommandError(
            f"{where}: {question} earns no points yet. Say how many it may earn in the settings: "
            f"under [marking], a line like {question} = 4."
        )
    most = sheet.settings.marking[question]
    if not NUMBER.fullmatch(row.points) or float(row.points.replace(",", ".")) > most:
        raise CommandError(f"{where} is {row.points!r}; expected a number from 0 to {most:g}, or nothing.")
    return tidy(float(row.points.replace(",", ".")))


def merged(table: Table, current: set[Key], piles: Iterable[Iterable[str]]) -> Iterator[str]:
    """The file anew: rows that hold something, or that still ask for it, as they were; then the new rows.

    current: the rows of the table whose answer is there as it was. piles: the new rows.
    """
    yield ended(table.first, table.newline)
    for row in table.rows:
        if row.typed or row.noted or row.key in current or not any(row.key):
            yield ended(row.text, table.newline)
    for pile in piles:
        yield from pile


def ended(text: str, newline: str) -> str:
    """A row with an end; the last one of a file may lack it."""
    return text if text.endswith(("\n", "\r")) else text + newline
