"""What is written from finished records: tables, pages, marks typed by hand, files for platforms, an autograder."""

import codecs
import csv
import gc
import io
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
import unicodedata
import zipfile
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from submissions import book, put

from labkit import asked
from labkit.books import places
from labkit.checks.judging import judge, standard
from labkit.checks.running import run
from labkit.errors import CommandError
from labkit.grading import exports
from labkit.grading.exports import autograder, plot, words
from labkit.grading.exports.files import Names, is_plain
from labkit.grading.exports.written import asked_in
from labkit.grading.points import Prose, Sheet, key_of, lab_points, print_of
from labkit.grading.record import MISSING, RIGHT, WRONG, Cell, Entry, Found, Graded, Handed, Record
from labkit.grading.settings import Settings
from labkit.references import reference

HOUSE = Path(__file__).resolve().parent.parent
LABS = {"lab02": [one for one in asked.exercises() if one.lab == "lab02"]}
NAMES = [one.name for one in LABS["lab02"]]
TEXT = """corr2d is wrong in 6 of 8 cases.
Smallest one: corr2d(image=[[1, 2]], kernel=[[1, 2]])
  out[0, 0] should be 4
  yours is 0
You rotated the kernel by 180°.
Cases that fail (each looks for one bug, but another may trip it):
  square: out[0, 0] is 2.265; expected -1.469
  and 2 more
hint("corr2d") takes you one step further."""
TURNED = Found("corr2d", WRONG, 0, TEXT, "rotated_kernel", "You rotated the kernel by 180°.", "x = 3")
WRITEUP, GUESS = "lab02-writeup", "lab02-guess"
ASKED = {"lab02": {GUESS: Prose("What will you see?"), WRITEUP: Prose("Write it up.", "A <model> answer.")}}
DUE = datetime.fromisoformat("2026-10-01T23:59:00+02:00")
SETTINGS = Settings(marking={WRITEUP: 4}, deadlines={"lab02": DUE}, percent_a_day=10, days=5, carried_forward=0.5)
SHEET = Sheet(LABS, ASKED, SETTINGS)


def graded(*changed: Found, **more) -> Graded:
    """Everything right but what is `changed`."""
    found = {name: Found(name, RIGHT, 1, f"{name} is right.") for name in NAMES}
    found |= {one.exercise: one for one in changed}
    return Graded("lab02", "bwrap", found=tuple(found.values()), **more)


def record(name: str, found: Graded | None = None, prose=None, raw=None, ids=None, at="", flags=()) -> Record:
    handed = Handed("lab02", "lab02.ipynb", at, prose or {}, flags)
    return Record(name, raw or name, ids or {}, {"lab02": Entry(handed, found or graded())})


def write(out: Path, *records: Record, sheet: Sheet = SHEET) -> list[str]:
    """Write the exports as a run of the grader does, marks taken in first; what was told."""
    out.mkdir(exist_ok=True)
    told = []
    sheet = exports.with_marks(out, sheet)
    exports.write(out, lambda: iter(records), sheet, told.append)
    return told


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page(out: Path, name: str) -> str:
    return (out / "feedback" / f"{name}.html").read_text(encoding="utf-8")


# Points -------------------------------------------------------------------------------------------


def test_gradebook_has_points_before_and_after_lateness(tmp_path):
    late = record("Ana", graded(TURNED), at="2026-10-03T10:00:00+02:00")
    write(tmp_path, late, record("Bo"))
    ana, bo = rows(tmp_path / "gradebook.csv")
    worth = {one.name: one.points for one in LABS["lab02"]}
    assert [ana[f"lab02.{name}"] for name in NAMES] == [str(worth[n] if n != "corr2d" else 0) for n in NAMES]
    full = sum(worth.values())
    assert float(ana["lab02"]) == float(ana["total"]) == pytest.approx((full - worth["corr2d"]) * 0.8)
    assert ana["max"] == bo["max"] == str(full + 4) and bo["total"] == str(full)
    assert ana["flags"] == "lab02: 2 days late, keeps 80 %" and bo["flags"] == ""
    assert ana["level"] == "bwrap"
    assert "2 days late. It keeps 80 % of its points." in page(tmp_path, "Ana")
    assert "late" not in page(tmp_path, "Bo").partition("<body>")[2]


def test_what_could_not_be_graded_is_empty_and_told(tmp_path):
    write(tmp_path, record("Ana", Graded("lab02", "bwrap", trouble="the sandbox did not start")))
    (row,) = rows(tmp_path / "gradebook.csv")
    points = {title: cell for title, cell in row.items() if title not in ("student", "max", "flags", "level")}
    assert set(points.values()) == {""}
    assert row["flags"] == "lab02 not graded: the sandbox did not start"
    assert "no fault of your answers" in page(tmp_path, "Ana")
    results = json.loads((tmp_path / "gradescope" / "Ana.json").read_text())
    assert results["score"] == 0 and "could not be graded" in results["output"]
    assert "sandbox did not start" not in results["output"]
    assert [(one["visibility"], "did not start" in one["output"]) for one in results["tests"]] == [("hidden", True)]


def test_an_error_carried_forward_keeps_what_the_settings_say(tmp_path):
    carried = Found("conv2d_forward", RIGHT, 1, "conv2d_forward is wrong in 3 of 9 cases.", carried=("corr2d",))
    write(tmp_path, record("Ana", graded(TURNED, carried)))
    (row,) = rows(tmp_path / "gradebook.csv")
    assert float(row["lab02.conv2d_forward"]) == asked.exercise("conv2d_forward").points * 0.5
    assert "right with a right helper" in page(tmp_path, "Ana")
    assert "Wrong is only corr2d, which it calls." in page(tmp_path, "Ana") and "keeps 50 %" in page(tmp_path, "Ana")


def test_points_by_nbval_are_said_everywhere(tmp_path):
    write(tmp_path, record("Ana", replace(graded(), points="nbval")))
    assert rows(tmp_path / "gradebook.csv")[0]["level"] == "bwrap, points by nbval"
    assert "come from the notebook's own checks" in page(tmp_path, "Ana").replace("&#39;", "'")
    assert "points by nbval" in (tmp_path / "summary.html").read_text()


# Names and text from students ---------------------------------------------------------------------

HOSTILE = (
    "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "\rx", 'O"Neil', "a\nb", "a,b;c", "<script>alert(1)</script>",
    "../../etc/passwd", "..", "CON", "nul.txt", "x" * 300, "é", "日本", "ab\u202egnp", "'; --", "＝1", ".", " ",
    "Ana", "ana", "ana-00000000",
)  # fmt: skip


def test_every_name_has_a_row_and_a_page_of_its_own(tmp_path):
    records = [record(unicodedata.normalize("NFC", name), raw=name) for name in HOSTILE]
    write(tmp_path / "out", *records)
    table = rows(tmp_path / "out" / "gradebook.csv")
    assert len(table) == len(HOSTILE)
    for row, name in zip(table, HOSTILE):
        assert row["student"].removeprefix("'") == name.removeprefix("'")
        assert not row["student"].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert len(list((tmp_path / "out" / "feedback").iterdir())) == len(HOSTILE)
    assert len(list((tmp_path / "out" / "gradescope").iterdir())) == len(HOSTILE)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_students_of_one_name_stay_apart(tmp_path):
    write(tmp_path, record("Ana", raw="Ana"), record("Ana", graded(TURNED), raw="A\u006ea "))
    assert [row["total"] for row in rows(tmp_path / "gradebook.csv")] == ["11", "9"]
    assert all(row["flags"] == "another student has the same name" for row in rows(tmp_path / "gradebook.csv"))
    pages = sorted((tmp_path / "feedback").iterdir())
    assert len(pages) == 2 and all(is_plain(path.stem) is False for path in pages)


def test_nobody_can_take_the_file_of_another():
    odd = record("a/b")
    taken = Names([odd]).of(odd)
    assert Names([odd, record(taken)]).of(record(taken)) != taken == Names([odd, record(taken)]).of(odd)


class Reader(HTMLParser):
    """The elements of a page, with a look at what must not be there."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.ids, self.links, self.seen, self.text = [], [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.seen.append(tag)
        assert not any(name.startswith("on") or name in ("style", "src") for name in values if tag != "path"), tag
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" else []
        if tag not in ("meta", "br", "path", "use", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.ids += [dict(attrs)["id"]] if "id" in dict(attrs) else []

    def handle_endtag(self, tag):
        if tag in ("path", "use", "rect"):
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"' & </pre> \x1b[31m \u202e \ud800 {{ 7 * 7 }}"


def test_everything_a_student_controls_is_escaped_and_visible(tmp_path):
    odd = replace(TURNED, text=TEXT + "\n" + EVIL, printed=EVIL, trouble=EVIL)
    cells = (Cell(EVIL, "", "", "passed"), Cell(f"check({EVIL})", "", "corr2d", "passed", EVIL))
    found = graded(odd, notes=(EVIL,), flags=(EVIL,), cells=cells, not_ran=EVIL)
    one = record(EVIL.replace("\ud800", ""), found, {WRITEUP: EVIL, GUESS: EVIL}, raw="evil", flags=(EVIL,))
    one = replace(one, flags=(EVIL,), entries={"lab02": replace(one.entries["lab02"])})
    write(tmp_path, one)
    pages = [tmp_path / "marking.html", tmp_path / "summary.html", *(tmp_path / "feedback").iterdir()]
    assert len(pages) == 3
    for path in pages:
        text = path.read_text(encoding="utf-8")
        reader = Reader(text)
        assert "script" not in reader.seen and "img" not in reader.seen
        assert reader.open == [] and {"main", "h1", "header"} <= set(reader.seen)
        assert len(reader.ids) == len(set(reader.ids))
        assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
        assert "<script>alert(1)</script><img" in reader.text and "{{ 7 * 7 }}" in reader.text
        assert not set("\x1b\u202e\ud800") & set(reader.text) and "\\u202e" in reader.text
        assert "default-src 'none'; style-src 'unsafe-inline'" in text and '<html lang="en">' in text
        assert "http://" not in text.replace("http://www.w3.org/", "") and "https://" not in text
    results = next((tmp_path / "gradescope").iterdir()).read_text()
    assert "\x1b" not in rows(tmp_path / "gradebook.csv")[0]["flags"] + results
    assert json.loads(results)["test_output_format"] == "text"


# Feedback -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_reports_of_the_checks_are_taken_apart_whole(name):
    one = asked.exercise(name)
    true = reference(one)
    cases, small = one.inputs(np.random.default_rng(1)), one.small()
    full, few = standard(one, true, cases), standard(one, true, small)
    for answer in (true.answer, *(mistake.answers[0] for mistake in true.mistakes)):
        told = judge(full, run(one, answer, cases), few, run(one, answer, small))
        parts = words.report(str(told))
        assert parts.verdict == told.verdict and parts.smallest.split("\n")[0] == "".join(told.example[:1])
        assert parts.smallest.count("\n") == max(0, len(told.example) - 1)
        assert parts.mistakes == tuple(sentence for _, sentence in told.mistakes)
        assert list(parts.cases) == told.failing_lines()
        assert parts.rest == ((told.next_step,) if told.failed else ()) + tuple(f"It warned: {w}" for w in told.warned)


def test_no_line_of_a_strange_report_is_lost():
    for text in ("", "one", "one\ntwo\n\nthree", TEXT.replace("  ", ""), TEXT.replace("Cases that", "Others")):
        parts = words.report(text)
        said = "\n".join([parts.verdict, parts.smallest, *parts.mistakes, *parts.cases, *parts.rest])
        for line in text.split("\n"):
            assert line.strip().removeprefix("Smallest one: ") in said or line.startswith("Cases that fail")


def test_the_page_says_why(tmp_path):
    cells = (Cell("x = 1 / 0", "", "", "failed", "ZeroDivisionError"), Cell("check(corr2d)", "", "corr2d", "failed"))
    missing = Found("zero_pad", MISSING, 0, "zero_pad: not yet.")
    found = graded(TURNED, missing, cells=cells, not_ran="It ran out of time.", notes=("A cell stopped.",))
    write(tmp_path, record("Ana", found))
    text = Reader(page(tmp_path, "Ana")).text
    for word in ("8 of 15", "You rotated the kernel by 180°.", "yours is 0", "x = 3", "zero_pad: not yet.",
                 "A cell stopped.", "It ran out of time.", "ZeroDivisionError", "out[0, 0] is 2.265"):  # fmt: skip
        assert word in text
    assert '<p class="mistake">You rotated' in page(tmp_path, "Ana")
    assert text.index("corr2d is wrong in 6 of 8") < text.index("You rotated") < text.index("Smallest case")


def test_what_was_printed_is_capped(tmp_path):
    write(tmp_path, record("Ana", graded(replace(TURNED, printed="y" * 100_000))))
    assert page(tmp_path, "Ana").count("y" * 4000) == 1 and "cut after 4000 characters" in page(tmp_path, "Ana")
    assert len(page(tmp_path, "Ana")) < 30_000


@pytest.mark.parametrize(
    "found, outcome, told",
    [
        (Found("corr2d", RIGHT, 1, "right"), "failed", "finds it right, but"),
        (TURNED, "passed", "finds it wrong, but"),
        (replace(TURNED, state=MISSING), "passed", "finds it not answered, but"),
        (TURNED, "failed", ""),
        (Found("corr2d", RIGHT, 1, "right"), "passed", ""),
        (Found("corr2d", RIGHT, 1, "right"), "not run", ""),
        (replace(TURNED, part=1, carried=("zero_pad",)), "failed", ""),
    ],
)
def test_look_here_where_judge_and_notebook_disagree(tmp_path, found, outcome, told):
    write(tmp_path, record("Ana", graded(found, cells=(Cell("check(corr2d)", "", "corr2d", outcome),))))
    flags = rows(tmp_path / "gradebook.csv")[0]["flags"]
    assert bool(flags) == bool(told) and told in flags
    assert ("Look here." in page(tmp_path, "Ana")) == bool(told)
    assert (told or "nowhere say different things") in (tmp_path / "summary.html").read_text()


def test_pages_of_students_who_left_are_removed(tmp_path):
    write(tmp_path, record("Ana"), record("Bo"))
    (tmp_path / "feedback" / ".x.partial").write_text("")
    write(tmp_path, record("Bo"))
    assert [path.name for path in (tmp_path / "feedback").iterdir()] == ["Bo.html"]
    assert [path.name for path in (tmp_path / "gradescope").iterdir()] == ["Bo.json"]


# Marks given by hand ------------------------------------------------------------------------------

ANA = record("Ana", prose={WRITEUP: "=1+1 I saw edges, and lines."})
BO = record("Bö", prose={WRITEUP: "I saw nothing.", GUESS: "Nothing."})


def typed(out: Path, name: str, points: str, comment: str = "", question: str = WRITEUP) -> None:
    """Type into marking.csv as a spreadsheet would save it: every row written anew."""
    path = out / "marking.csv"
    text = path.read_bytes().decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text, newline="")))
    for row in table:
        if row[0] == name and row[3] == question:
            row[4:6] = [points, comment]
    new = io.StringIO()
    csv.writer(new).writerows(table)
    path.write_bytes(new.getvalue().encode())


def test_marks_come_back_into_gradebook_and_feedback(tmp_path):
    write(tmp_path, ANA, BO)
    first = rows(tmp_path / "marking.csv")
    assert [(row["student"], row["question"], row["points"]) for row in first] == [
        ("Bö", GUESS, ""), ("Ana", WRITEUP, ""), ("Bö", WRITEUP, ""),
    ]  # fmt: skip
    assert first[1]["begins"].startswith("'=1+1")
    assert rows(tmp_path / "gradebook.csv")[0][f"lab02.{WRITEUP}"] == ""
    typed(tmp_path, "Ana", "2,5", "Good, <b>but</b> short.")
    write(tmp_path, ANA, BO)
    ana = rows(tmp_path / "gradebook.csv")[0]
    assert (ana[f"lab02.{WRITEUP}"], ana["lab02"], ana["total"]) == ("2.5", "13.5", "13.5")
    assert "2.5 of 4" in page(tmp_path, "Ana") and "Good, &lt;b&gt;but" in page(tmp_path, "Ana")
    assert "1 marked" in (tmp_path / "marking.html").read_text()
    results = json.loads((tmp_path / "gradescope" / "Ana.json").read_text())
    assert [one["score"] for one in results["tests"] if WRITEUP in one["name"]] == [2.5]


def test_rows_that_were_typed_in_keep_their_bytes(tmp_path):
    write(tmp_path, ANA, BO)
    key, print_ = key_of("Ana"), print_of(ANA.entries["lab02"].handed.prose[WRITEUP])
    line = f'"Ana";{key};lab02;{WRITEUP};"1,50";"two\r\nlines; ""so""  ";{print_};whatever;mine\r\n'.encode()
    noted = f"Bö;{key_of('Bö')};lab02;{GUESS};;;gone;;ask him\r\n".encode()
    head = "\ufeffStudent;ID;Lab;Question;Points;Comment;Answer;Begins;Private\r\n".encode()
    (tmp_path / "marking.csv").write_bytes(head + line + noted + b";;;;;;;;\r\n")
    for _ in range(3):
        write(tmp_path, ANA, BO)
        after = (tmp_path / "marking.csv").read_bytes()
        assert after.startswith(head + line + noted + b";;;;;;;;\r\n")
        new = after.removeprefix(head + line + noted + b";;;;;;;;\r\n").decode().split("\r\n")
        assert [one.split(";")[:5] for one in new[:-1]] == [
            ["Bö", key_of("Bö"), "lab02", GUESS, ""], ["Bö", key_of("Bö"), "lab02", WRITEUP, ""],
        ]  # fmt: skip
    assert rows(tmp_path / "gradebook.csv")[0][f"lab02.{WRITEUP}"] == "1.5"


def test_a_mark_for_an_answer_that_changed_is_kept_and_flagged_until_the_new_one_is_marked(tmp_path):
    write(tmp_path, ANA)
    typed(tmp_path, "Ana", "3")
    changed = record("Ana", prose={WRITEUP: "Something else."})
    write(tmp_path, changed)
    assert [row["points"] for row in rows(tmp_path / "marking.csv")] == ["3", ""]
    (row,) = rows(tmp_path / "gradebook.csv")
    assert row[f"lab02.{WRITEUP}"] == "3" and "has changed since it was marked" in row["flags"]
    text = (tmp_path / "marking.csv").read_text(encoding="utf-8")
    new = print_of("Something else.")
    (tmp_path / "marking.csv").write_text(text.replace(f",,,{new}", f",1,,{new}"), encoding="utf-8")
    write(tmp_path, changed)
    (row,) = rows(tmp_path / "gradebook.csv")
    assert row[f"lab02.{WRITEUP}"] == "1" and row["flags"] == ""
    write(tmp_path, ANA)  # and back: the mark that belongs to the answer counts
    assert rows(tmp_path / "gradebook.csv")[0][f"lab02.{WRITEUP}"] == "3"
    assert len(rows(tmp_path / "marking.csv")) == 2


def test_marks_of_those_who_left_stay_and_are_told(tmp_path):
    write(tmp_path, ANA, BO)
    typed(tmp_path, "Ana", "3")
    told = write(tmp_path, BO)
    assert [row["student"] for row in rows(tmp_path / "marking.csv")] == ["Bö", "Ana", "Bö"]
    assert any("1 mark of 1 student who is not here" in one for one in told)
    write(tmp_path, ANA, BO)
    assert rows(tmp_path / "gradebook.csv")[0][f"lab02.{WRITEUP}"] == "3"


def test_rows_of_labs_that_are_not_graded_now_stay(tmp_path):
    write(tmp_path, ANA)
    typed(tmp_path, "Ana", "3")
    before = (tmp_path / "marking.csv").read_bytes()
    other = Sheet({"lab05": [one for one in asked.exercises() if one.lab == "lab05"]}, {"lab05": {}}, SETTINGS)
    write(tmp_path, Record("Ana", "Ana", {}, {}), sheet=other)
    assert (tmp_path / "marking.csv").read_bytes() == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tables_are_read_as_spreadsheets_save_them(tmp_path, encoding, delimiter, newline):
    write(tmp_path, ANA, BO)
    table = [list(row.values()) for row in rows(tmp_path / "marking.csv")]
    table[2][4:6] = ["3,25", "schön; ja, “gut”"]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerows([exports.marks.COLUMNS, *table])
    data = text.getvalue().encode(encoding)
    (tmp_path / "marking.csv").write_bytes(data)
    marks = exports.read_marks(tmp_path, SHEET)
    (given,) = marks[key_of("Bö")][WRITEUP]
    assert (given.points, given.comment) == (3.25, "schön; ja, “gut”")
    write(tmp_path, ANA, BO)
    assert (tmp_path / "marking.csv").read_bytes() == data


HEAD = ",".join(exports.marks.COLUMNS)
WRONG_TABLES = {
    "too many points": ("a,s1,lab02,lab02-writeup,5,,,", ["line 2", "column points", "'5'", "0 to 4"]),
    "no number": ("a,s1,lab02,lab02-writeup,02. Mai,,,", ["line 2", "column points"]),
    "negative": ("a,s1,lab02,lab02-writeup,-1,,,", ["line 2", "column points"]),
    "nan": ("a,s1,lab02,lab02-writeup,nan,,,", ["line 2", "column points"]),
    "not marked": ("a,s1,lab02,lab02-guess,1,,,", ["line 2", "[marking]", "lab02-guess = 4"]),
    "no such question": ("a,s1,lab02,lab02-writup,1,,,", ["line 2", "column question", "lab02-writeup"]),
    "no student": ("a,,lab02,lab02-writeup,1,,,", ["line 2", "column id"]),
    "two marks": ("a,s1,lab02,lab02-writeup,1,,x,\r\na,s1,lab02,lab02-writeup,2,,x,", ["lines 2 and 3"]),
    "unquoted comma": ("a,s1,lab02,lab02-writeup,1,well, no,x,y", ["line 2", "9 cells"]),
    "open quote": ('a,s1,lab02,lab02-writeup,1,"well,x,y', ["line 2", "quotation mark"]),
}


@pytest.mark.parametrize("name", WRONG_TABLES)
def test_what_is_wrong_with_a_table_is_said(tmp_path, name):
    text, expected = WRONG_TABLES[name]
    data = f"{HEAD}\r\n{text}\r\n".encode()
    (tmp_path / "marking.csv").write_bytes(data)
    with pytest.raises(CommandError) as raised:
        exports.read_marks(tmp_path, SHEET)
    assert all(word in str(raised.value) for word in ["marking.csv", *expected])
    assert (tmp_path / "marking.csv").read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"\r\n", b"student,points\r\n", b"PK\x03\x04\x81\x8d", codecs.BOM_UTF8])
def test_a_table_that_is_none_is_refused_and_left_alone(tmp_path, data):
    (tmp_path / "marking.csv").write_bytes(data)
    with pytest.raises(CommandError, match=r"marking\.csv"):
        exports.read_marks(tmp_path, SHEET)
    with pytest.raises(CommandError, match=r"marking\.csv"):
        exports.write(tmp_path, lambda: iter([ANA]), SHEET)
    assert (tmp_path / "marking.csv").read_bytes() == data and len(list(tmp_path.iterdir())) == 1


def test_what_is_saved_while_exports_are_written_is_not_overwritten(tmp_path):
    write(tmp_path, ANA)

    passes = iter(("names", "marking"))

    def records():
        if next(passes) == "marking":
            typed(tmp_path, "Ana", "4")
        yield ANA

    with pytest.raises(CommandError, match="saved by somebody just now"):
        exports.write(tmp_path, records, SHEET)
    assert rows(tmp_path / "marking.csv")[0]["points"] == "4"


def test_questions_come_from_the_notebook_and_models_from_the_solutions():
    notebook = places.notebook_of(HOUSE, "lab02")
    found = asked_in(notebook, places.solution_paths(HOUSE, notebook)[0])
    assert list(found)[-1] == WRITEUP
    assert "laboratory notebook" in found[WRITEUP].question and "**Inference.**" in found[WRITEUP].question
    assert all(one.model for one in found.values())
    assert not any(one.model for one in asked_in(notebook).values())
    assert exports.questions(HOUSE, ["lab02"]) == {"lab02": found}


# Platforms ----------------------------------------------------------------------------------------


def test_canvas_gets_those_it_knows(tmp_path):
    known = record("=Ana", graded(TURNED), ids={"canvas": "4711"})
    broken = record("Cy", Graded("lab02", "bwrap", trouble="x"), ids={"canvas": "5"})
    told = write(tmp_path, known, record("Bo"), broken, record("Di", ids={"canvas": "=1"}))
    with open(tmp_path / "canvas.csv", newline="") as file:
        head, most, *table = csv.reader(file)
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "lab02"]
    assert "Points Possible" in most[0] and most[5] == "15"
    assert table == [["'=Ana", "4711", "", "", "", "9"]]
    assert any("canvas.csv: 2 students left out" in one for one in told)
    assert any("canvas.csv: 1 student left out, because they could not be graded" in one for one in told)
    assert not (tmp_path / "moodle.csv").exists()
    write(tmp_path, record("Bo"))
    assert not (tmp_path / "canvas.csv").exists()


def test_moodle_gets_points_and_a_short_comment_in_html(tmp_path):
    evil = graded(replace(TURNED, text=EVIL, printed=EVIL), notes=(EVIL,))
    told = write(tmp_path, record("Ana", evil, ids={"moodle": "123456"}, at="2026-10-03T10:00:00+02:00"))
    (row,) = rows(tmp_path / "moodle.csv")
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= row.keys()
    assert (row["Identifier"], row["Grade"], row["Maximum Grade"]) == ("Participant 123456", "7.2", "15")
    comment = row["Feedback comments"]
    assert "corr2d: wrong, 0 of 2. You rotated the kernel by 180°." in comment and "2 days late" in comment
    assert set(Reader(comment).seen) == {"p", "b", "ul", "li"} and "script" not in comment
    assert any("more recently in Moodle" in one for one in told)


def test_gradescope_results_are_as_it_asks_for(tmp_path):
    found = graded(TURNED, cells=(Cell("check(corr2d)", "", "corr2d", "passed"),))
    write(tmp_path, record("Ana", found, at="2026-10-03T10:00:00+02:00"))
    results = json.loads((tmp_path / "gradescope" / "Ana.json").read_text())
    assert results["score"] == 7.2 and "late" in results["output"] and results["stdout_visibility"] == "hidden"
    formats = {results[key] for key in ("output_format", "test_output_format", "test_name_format")}
    assert formats == {"text"}
    *tests, hidden = results["tests"]
    assert len(tests) == len(NAMES) + 1 and sum(one["score"] for one in tests) == 9
    assert sum(one["max_score"] for one in tests) == 15
    corr2d = next(one for one in tests if "corr2d" in one["name"])
    assert (corr2d["score"], corr2d["status"], corr2d["visibility"]) == (0, "failed", "visible")
    assert "You rotated the kernel" in corr2d["output"] and "x = 3" in corr2d["output"]
    assert hidden["visibility"] == "hidden" and "look here" in hidden["output"] and "score" not in hidden


# The class ----------------------------------------------------------------------------------------


def test_the_summary_names_the_commonest_mistakes(tmp_path):
    other = replace(TURNED, mistake="transposed", sentence="You transposed it.")
    answers = [TURNED] * 5 + [other] * 2 + [Found("corr2d", RIGHT, 1, "")] * 2
    class_ = [record(f"s{i}", graded(answer)) for i, answer in enumerate(answers)]
    write(tmp_path, *class_, record("late", graded(), flags=("two notebooks",)))
    text = (tmp_path / "summary.html").read_text()
    assert "<strong>5 of 10</strong> in <span class=\"name\">corr2d</span>: You rotated the kernel" in text
    assert text.index("You rotated") < text.index("You transposed")
    assert "3 students with 11, 7 students with 9" in text or "7 students with 9, 3 students with 11" in text
    assert text.count("<svg") == 2 and "two notebooks" in text and "dc:date" not in text and "matplotlib" not in text
    counts = text[text.index('class="name">corr2d</th>') :]
    assert [cell.partition("<")[0] for cell in counts.split('<td class="number">')[1:6]] == ["3", "0", "0", "7", "0"]


def test_bars_are_as_long_as_their_numbers():
    def bars(svg, colour):
        found = ElementTree.fromstring(svg).iter("rect")
        return [{key: float(one.get(key)) for key in ("x", "y", "width", "height")} for one in found
                if one.get("fill") == colour]  # fmt: skip

    upright = bars(plot.points_plot({3: 10, 4.5: 5, 4: 15, 11: 1}, 11), "#0072b2")
    assert [round(one["height"] / upright[-1]["height"], 1) for one in upright] == [10, 20, 1]  # 4.5 stands with 4
    assert {round(one["y"] + one["height"], 1) for one in upright} == {190}
    counts = [{"right": 6, "wrong": 2}, {}, {"wrong": 4, "right": 0}]
    key, *right = bars(plot.states_plot(["a", "b", "c"], counts, "lab02"), plot.STATES["right"][0])
    _, *wrong = bars(plot.states_plot(["a", "b", "c"], counts, "lab02"), plot.STATES["wrong"][0])
    assert right[0]["width"] == pytest.approx(3 * wrong[0]["width"], abs=0.02)
    assert wrong[0]["x"] == pytest.approx(right[0]["x"] + right[0]["width"], abs=0.02)
    assert wrong[1]["x"] == right[0]["x"] and wrong[1]["width"] == pytest.approx(2 * wrong[0]["width"], abs=0.02)
    many = ElementTree.fromstring(plot.points_plot({2: 1, 70: 3}, 71.5))
    assert "points, 3 to a bar" in [one.text for one in many.iter("text")] and not plot.points_plot({}, 0).count("nan")


def test_the_same_records_give_the_same_bytes(tmp_path):
    records = [ANA, BO, record("Cy", graded(TURNED, cells=(Cell("a", "", "", "passed"),)), ids={"canvas": "1"})]
    for name in ("one", "two"):
        write(tmp_path / name, *records)
    write(tmp_path / "two", *records)  # and once more over what is there
    one, two = (sorted(path.relative_to(tmp_path / n) for path in (tmp_path / n).rglob("*")) for n in ("one", "two"))
    assert one == two and len(one) > 9
    for path in one:
        if (tmp_path / "one" / path).is_file():
            data = (tmp_path / "one" / path).read_bytes()
            assert data == (tmp_path / "two" / path).read_bytes()
            assert str(tmp_path).encode() not in data


ONE = Sheet({"lab02": [asked.exercise("corr2d")]}, ASKED, SETTINGS)  # quick to write


def stream(count: int):
    """Records made as they are asked for, with a good deal of text in each."""

    def records():
        for i in range(count):
            if i % 50 == 0:
                gc.collect()  # what is garbage already counts for nobody
            cells = (Cell("check(corr2d)", "", "corr2d", "failed", "x" * 3000),)
            found = Graded("lab02", "bwrap", found=(TURNED,), cells=cells)
            yield record(f"student {i:04}", found, {WRITEUP: f"{i} " + "word " * 400})

    return records


def peak(out: Path, count: int) -> int:
    """The most memory that Python objects take while exports are written, in bytes."""
    out.mkdir()
    gc.collect()
    gc.freeze()  # what was there before is not looked through again and again
    tracemalloc.start()
    try:
        exports.write(out, stream(count), ONE)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def test_memory_does_not_grow_with_the_class(tmp_path):
    exports.write(tmp_path, stream(2), ONE)  # what is imported and compiled once counts for nobody
    few, many = peak(tmp_path / "few", 100), peak(tmp_path / "many", 1000)
    assert many < 1.3 * few + 500_000  # a name and some counts for each student; the records hold 5 MB
    assert len(rows(tmp_path / "many" / "gradebook.csv")) == 1000


def test_one_record_is_held_at_a_time(tmp_path):
    alive = most = 0

    class Watched(Record):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def records():
        nonlocal alive, most
        for i in range(50):
            one = ANA
            watched = Watched(f"{one.student}{i}", f"{i}", {}, one.entries)
            alive += 1
            most = max(most, alive)
            yield watched
            del watched

    exports.write(tmp_path, records, SHEET)
    assert 0 < most <= 2  # the one in hand, and the next as it is made


# The autograder -----------------------------------------------------------------------------------

SECRET = "ab" * 32


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The zip for lab 2, unpacked as Gradescope does it."""
    base = tmp_path_factory.mktemp("autograder")
    autograder.build(HOUSE, "2", base / "lab02.zip", "none", SECRET)
    autograder.build(HOUSE, "lab02", base / "again.zip", "none", SECRET)
    assert (base / "lab02.zip").read_bytes() == (base / "again.zip").read_bytes()
    with zipfile.ZipFile(base / "lab02.zip") as archive:
        archive.extractall(base / "source")
        rights = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert rights["setup.sh"] == rights["run_autograder"] == 0o100755
    shutil.copy(base / "source" / "run_autograder", base / "run_autograder")
    return base


def graded_there(base: Path, submission: Path, **environment: str) -> dict:
    """results.json of run_autograder on a submission."""
    there = {"LABKIT_AUTOGRADER": str(base), "LABKIT_PYTHON": sys.executable}
    shutil.rmtree(base / "submission", ignore_errors=True)
    shutil.copytree(submission, base / "submission", symlinks=True)
    done = subprocess.run(
        ["bash", base / "run_autograder"], env={**os.environ, **there, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads((base / "results" / "results.json").read_text())


def test_the_zip_holds_what_it_needs_and_no_answers(unpacked):
    source = unpacked / "source"
    assert {path.name for path in source.iterdir()} == {
        "setup.sh", "run_autograder", "requirements.txt", "constraints.txt", "settings.json", "seed", "course",
    }  # fmt: skip
    assert [path.name for path in (source / "course" / "notebooks").iterdir()] == [places.notebook_of(HOUSE, "2").name]
    assert not list(source.rglob("*.pyc")) and not (source / "course" / "solutions").exists()
    pinned = (source / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("torch==") for line in pinned) and any(line.startswith("numpy==") for line in pinned)
    assert (source / "seed").read_text() == SECRET + "\n"
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", source / name], check=True)


def test_a_zip_without_a_secret_draws_one(tmp_path):
    for name in ("a.zip", "b.zip"):
        autograder.build(HOUSE, "2", tmp_path / name, "bwrap", None)
    seeds = {zipfile.ZipFile(tmp_path / name).read("seed") for name in ("a.zip", "b.zip")}
    assert len(seeds) == 2 and all(len(seed.strip()) == 64 for seed in seeds)


@pytest.mark.parametrize(
    "changed, told",
    [({"sandbox": "docker"}, "auto, bwrap, none"), ({"secret": "xyz"}, "64 hexadecimal"), ({"lab": "77"}, "lab77")],
)
def test_what_an_autograder_cannot_be_built_from_is_said(tmp_path, changed, told):
    with pytest.raises(CommandError, match=told):
        autograder.build(**{"course": HOUSE, "lab": "2", "target": tmp_path / "x.zip", "sandbox": "auto"} | changed)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_graded_there_says_so(unpacked, tmp_path):
    put(tmp_path, "one", book())
    (tmp_path / "one" / "link.ipynb").symlink_to("/etc/passwd")
    path = unpacked / "source" / "settings.json"
    settings = path.read_text()
    broken = {"no such sandbox": '{"lab": "lab02", "sandbox": "x"}', "no settings": "{", "no python": settings}
    try:
        for name, text in broken.items():
            path.write_text(text)
            more = {"LABKIT_PYTHON": "/nowhere/python"} if name == "no python" else {}
            results = graded_there(unpacked, tmp_path / "one", **more)
            assert results["score"] == 0 and "could not be graded" in results["output"], name
            assert results["stdout_visibility"] == "hidden"
            assert [one["visibility"] for one in results["tests"]] == ["hidden"] and results["tests"][0]["output"]
    finally:
        path.write_text(settings)


def knows_sandbox() -> bool:
    command = [sys.executable, "-m", "labkit", "grade", "--help"]
    return "--sandbox" in subprocess.run(command, capture_output=True, text=True, cwd=HOUSE).stdout


@pytest.mark.skipif(not knows_sandbox(), reason="labkit grade has no --sandbox yet")
def test_the_autograder_grades_what_is_handed_in(unpacked, tmp_path):
    put(tmp_path, "one", book(corr2d="def corr2d(image, kernel):\n    return image * 0\n"), "my work (2).ipynb")
    results = graded_there(unpacked, tmp_path / "one")
    assert results["score"] == 9
    assert {one["status"] for one in results["tests"] if "corr2d" in one["name"]} == {"failed"}
    assert graded_there(unpacked, tmp_path / "one") == results


def test_points_are_the_same_in_every_export(tmp_path):
    found = graded(TURNED)
    ana = record("Ana", found, ids={"canvas": "1", "moodle": "2"}, at="2026-10-03T10:00:00+02:00")
    write(tmp_path, ana)
    points = lab_points(SHEET, ana, "lab02")
    assert float(rows(tmp_path / "gradebook.csv")[0]["lab02"]) == points
    assert float(rows(tmp_path / "moodle.csv")[0]["Grade"]) == points
    assert float(rows(tmp_path / "canvas.csv")[1]["lab02"]) == points
    assert json.loads((tmp_path / "gradescope" / "Ana.json").read_text())["score"] == points
    assert f"lab02: {points} of 15 points" in page(tmp_path, "Ana")
