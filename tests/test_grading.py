"""`labkit grade`: real notebooks of lab 2, honest, broken and hostile, graded in real processes."""

import codecs
import csv
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from answers.lab02 import WRONG
from submissions import HOUSE, INNOCENT, NAMES, PATH, PLAIN, POINTS, RIGHT, book, first_do, put

import labkit
from labkit import asked, cli
from labkit.books import places
from labkit.books.solutions import read_solutions
from labkit.errors import CommandError
from labkit.grading import batch, crew, folder, job
from labkit.grading import judge as judging
from labkit.grading import process as processes
from labkit.grading.journal import Journal
from labkit.grading.limits import MOST_CODE, MOST_NOTEBOOK, Limits
from labkit.grading.record import RIGHT as FULL
from labkit.grading.settings import Settings
from labkit.references import reference

SHORT = Limits(load=5, calls=3)
posix = pytest.mark.skipif(os.name != "posix", reason="processes and signals as POSIX has them")


# What came of it ---------------------------------------------------------------------------------


class Grades:
    """What a grading folder holds: the gradebook as written, and what every export is made of."""

    def __init__(self, out):
        self.out = out
        with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.by_name = {row["student"]: row for row in self.rows}
        with Journal(out) as journal:
            self.records = {record.student: record for record in batch.records(journal)}

    def lost(self, student):
        """Exercises that did not get full points."""
        row = self.by_name[student]
        scores = {name: int(row[f"lab02.{name}"]) for name in NAMES}
        assert set(scores.values()) <= {0, *POINTS.values()}
        assert int(row["lab02"]) == int(row["total"]) == sum(scores.values())
        return {name for name in NAMES if scores[name] < POINTS[name]}

    def flags(self, student):
        return self.by_name[student]["flags"]

    def graded(self, student):
        return self.records[student].entries["lab02"].graded

    def feedback(self, student):
        """All that is told to a student."""
        graded = self.graded(student)
        return "\n".join([*graded.notes, *(part for one in graded.found for part in (one.text, one.printed))])

    def section(self, student, name):
        """What is told about one exercise."""
        return next(f"{one.text}\n{one.printed}" for one in self.graded(student).found if one.exercise == name)


def threads(count=2):
    """Who does the jobs: threads of this process, in which torch is loaded already."""
    return lambda: ThreadPoolExecutor(count)


def graded(submissions, out, limits=Limits(), level="none", labs=("lab02",), **more):
    plan = batch.Plan(labs, nbval=False, level=level, settings=Settings(limits=limits))
    batch.grade(submissions, out, plan, course=HOUSE, hire=more.pop("hire", threads()), at_once=2, **more)
    return Grades(out)


def only(tmp_path, content):
    """The grades of one student, "ana"."""
    put(tmp_path / "in", "ana", content)
    return graded(tmp_path / "in", tmp_path / "out")


# Points where they belong -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A class: one for each exercise that got exactly that one wrong, one all right, one untouched."""
    folder = tmp_path_factory.mktemp("honest")
    solutions = read_solutions(places.solution_paths(HOUSE, PATH)[0]).functions
    put(folder / "in", "right", book(solutions))
    put(folder / "in", "untouched", PLAIN)
    for name in NAMES:
        put(folder / "in", f"wrong {name}", book(**{name: WRONG[name]}))
    return graded(folder / "in", folder / "out")


def test_the_solutions_get_full_points(honest):
    assert honest.lost("right") == set()
    assert honest.by_name["right"]["total"] == honest.by_name["right"]["max"] == str(sum(POINTS.values()))
    for name in NAMES:
        assert f"{name} is right" in honest.section("right", name)


def test_an_untouched_notebook_gets_nothing(honest):
    assert honest.lost("untouched") == set(NAMES)
    for name in NAMES:
        assert f"{name}: not yet" in honest.section("untouched", name)


@pytest.mark.parametrize("name", NAMES)
def test_one_wrong_exercise_loses_exactly_its_points_and_its_mistake_is_named(honest, name):
    assert honest.lost(f"wrong {name}") == {name}
    namespace = {"np": np}
    exec(WRONG[name], namespace)
    mistake = labkit.examine(name, namespace[name]).mistake
    sentence = next(m.sentence for m in reference(asked.exercise(name)).mistakes if m.name == mistake)
    assert sentence in honest.section(f"wrong {name}", name)


def test_the_gradebook_has_the_columns_that_are_promised(honest):
    titles = ["student", *(f"lab02.{name}" for name in NAMES), "lab02", "total", "max", "flags", "level"]
    assert list(honest.rows[0]) == titles
    assert [row["student"] for row in honest.rows] == sorted(row["student"] for row in honest.rows)
    assert {row["level"] for row in honest.rows} == {"none"}
    assert {row["flags"] for row in honest.rows} == {""}


# Innocent: full points ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def innocent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("innocent")
    for name, build in INNOCENT.items():
        put(folder / "in", name, build())
    return graded(folder / "in", folder / "out")


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent_notebooks_get_full_points(innocent, name):
    assert innocent.lost(name) == set(), innocent.feedback(name)


def test_a_right_answer_that_warns_is_told_so(innocent):
    assert "It warned: UserWarning: careful" in innocent.section("warnings", "corr2d")


# Hostile: what it costs, and whom -----------------------------------------------------------------


def test_a_notebook_that_ends_the_process_in_cell_after_cell_is_given_up(tmp_path):
    grades = only(tmp_path, book(before=["import os\nos._exit(0)"] * 5))
    assert grades.lost("ana") == set(NAMES)
    assert "ended the process (exit status 0)" in grades.section("ana", NAMES[0])


# What the code finds around it --------------------------------------------------------------------

PROBES = {
    "only numpy": "all(refused(name) for name in ('torch', 'keras', 'scipy', 'labkit', 'labkit.checks', 'rich'))",
    "site-packages is masked": "not any('site-packages' in path for path in sys.path)",
    "the module is real": "__name__ == '__main__' and vars(sys.modules['__main__']) is globals()",
    "a folder of its own": "os.listdir('.') == []",
    "no environment": "not any('SECRET' in name for name in os.environ)",
    "no arguments": "sys.argv == ['']",
    "names that do nothing": "check(1) is hint('x') is reveal('y') is display(3) is help(np) is None",
    "get_ipython": "bool(get_ipython().run_line_magic('pip', 'install x'))",
    "input": "ends_in(EOFError, input)",
    "numpy's own parts": "np.fft.fft([1.0])[0] == 1 and np.testing and __import__('numpy.polynomial')",
}
LOOKING = """
import os, sys
def ends_in(kind, function, *args):
    try:
        function(*args)
    except kind as error:
        return error
def refused(name):
    return 'only NumPy here' in str(ends_in(ImportError, __import__, name))
"""


def probe(expression):
    return f"{LOOKING}\nassert {expression}\n{RIGHT['corr2d']}"


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes")
    for name, expression in PROBES.items():
        put(folder / "in", name, book({}, corr2d=probe(expression)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MY_SECRET_TOKEN", "x")
        return graded(folder / "in", folder / "out")


@pytest.mark.parametrize("name", PROBES)
def test_what_an_answer_finds_around_it(probed, name):
    assert probed.lost(name) == set(NAMES) - {"corr2d"}, probed.feedback(name)


# Broken files -------------------------------------------------------------------------------------

TOO_MUCH_CODE = {"cells": [{"cell_type": "code", "source": "#" * (MOST_CODE + 1)}]}
BROKEN = {
    "empty": (b"", "is empty"),
    "not json": (b"print('hello')", "not JSON"),
    "cut off": (json.dumps(PLAIN).encode()[:5000], "not JSON"),
    "not text": (bytes(range(128, 256)), "not in UTF-8"),
    "deep": (b"[" * 100_000, "not JSON"),
    "a list": (b"[]", "no list of cells"),
    "no cells": (b'{"nbformat": 4, "metadata": {}}', "no list of cells"),
    "cells of another kind": (b'{"cells": {"a": 1}}', "no list of cells"),
    "too large": (b" " * (MOST_NOTEBOOK + 1), "larger than 20 MB"),
    "too much code": (TOO_MUCH_CODE, "characters of code"),
}
NO_CELLS = [1, None, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5}]


def odd_files():
    return {
        "no cells at all": {"cells": []},
        "metadata of another kind": {**book(), "metadata": [1], "nbformat": "x"},
        "bom": codecs.BOM_UTF8 + json.dumps(book()).encode(),
        "utf-16": json.dumps(book()).encode("utf-16"),
        "cells that are none": {**book(), "cells": [*NO_CELLS, *book().cells]},
    }


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    for name, (content, _) in BROKEN.items():
        put(folder / "in", name, content)
    for name, content in odd_files().items():
        put(folder / "in", name, content)
    return graded(folder / "in", folder / "out")


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_nothing_with_the_reason(broken, name):
    assert broken.lost(name) == set(NAMES)
    assert BROKEN[name][1] in broken.flags(name) and "lab02: no notebook" in broken.flags(name)
    assert "lab02: no notebook" in broken.flags(name)


def test_odd_files_that_can_be_read_are_graded(broken):
    assert broken.lost("no cells at all") == set(NAMES)
    assert broken.lost("metadata of another kind") == broken.lost("bom") == broken.lost("utf-16") == set()
    assert broken.lost("cells that are none") == set()
    assert "4 cells could not be read" in broken.flags("cells that are none")


# Who and which ------------------------------------------------------------------------------------


def test_folders_files_and_strangers(tmp_path):
    submissions = tmp_path / "in"
    put(submissions, "ana", book())
    put(submissions, ".", book(), "ben.ipynb")
    put(submissions, "cem/week 2/mine", book(), "Lab 2 final.IPYNB")
    (submissions / "dia").mkdir()
    put(submissions, "eve", book(), ".ipynb_checkpoints/lab02.ipynb")
    put(submissions, "eve", {"cells": []}, "shopping.ipynb")
    put(submissions, ".", "x", "notes.txt")
    put(submissions, ".", "x", ".DS_Store")
    put(submissions, "fay", {**book(), "metadata": {}}, "untitled.ipynb")
    plan = batch.Plan(("lab02",), nbval=False, level="none")
    tally = batch.grade(submissions, tmp_path / "out", plan, HOUSE, threads())
    grades = Grades(tmp_path / "out")
    assert [row["student"] for row in grades.rows] == ["ana", "ben", "cem", "dia", "eve", "fay"]
    assert grades.lost("ana") == grades.lost("ben") == grades.lost("cem") == grades.lost("fay") == set()
    assert grades.lost("dia") == grades.lost("eve") == set(NAMES)
    assert grades.flags("dia") == "lab02: no notebook"
    assert "shopping.ipynb belongs to no lab" in grades.flags("eve")
    assert [("notes.txt" in one) for one in tally.ignored] == [True] and tally.students == 6 and tally.failed == 0


def test_of_two_notebooks_the_one_with_more_answers_counts_and_it_is_told(tmp_path):
    one = {name: RIGHT[name] for name in NAMES[:1]}
    put(tmp_path / "in", "ana", book(one), "lab02 (1).ipynb")
    put(tmp_path / "in", "ana", book(), "lab02 (2).ipynb")
    put(tmp_path / "in", "ana", PLAIN, "lab02.ipynb")
    grades = graded(tmp_path / "in", tmp_path / "out")
    assert grades.lost("ana") == set()
    assert "3 notebooks; lab02 (2).ipynb has the most answers" in grades.flags("ana")


@posix
def test_links_and_special_files_are_not_followed(tmp_path):
    elsewhere = put(tmp_path, "elsewhere", book())
    submissions = tmp_path / "in"
    for student in ("ana", "ben", "cem"):
        (submissions / student).mkdir(parents=True)
    (submissions / "ana" / "lab02.ipynb").symlink_to(elsewhere)
    (submissions / "ben" / "folder").symlink_to(elsewhere.parent)
    os.mkfifo(submissions / "cem" / "lab02.ipynb")
    (submissions / "dia").symlink_to(elsewhere.parent)
    (submissions / "eve.ipynb").symlink_to(elsewhere)
    grades = graded(submissions, tmp_path / "out")
    for student in ("ana", "ben", "dia", "eve"):
        assert grades.lost(student) == set(NAMES)
        assert "symbolic link" in grades.flags(student)
    assert grades.lost("cem") == set(NAMES) and "no ordinary file" in grades.flags("cem")


@posix
def test_strange_names_stay_apart_and_become_no_formula(tmp_path):
    names = ["=1+2", "+a", "-b", "@c", "\td", "e\nf", 'g"h', "i,j", "k\rl", "Zoe", "zoe", "e\u0301va", "con", "x" * 250]
    raw = [os.fsencode(name) for name in [*names, "\x1b[31mred", "[red]m"]] + [b"\xff"]
    for name in raw:
        os.makedirs(os.path.join(os.fsencode(tmp_path / "in"), name))
    grades = graded(tmp_path / "in", tmp_path / "out")
    found = [row["student"] for row in grades.rows]
    assert len(found) == len(raw) == len(set(found))
    assert {"'=1+2", "'+a", "'-b", "'@c", "'\td", *names[5:11], "\u00e9va", "\\udcff"} <= set(found)
    files = os.listdir(tmp_path / "out" / "feedback")
    assert len({name.casefold() for name in files}) == len(raw)
    assert all(len(name) < 100 and "\n" not in name and "\x1b" not in name for name in files)


def test_what_a_student_prints_is_capped_and_made_safe(tmp_path):
    wrong = first_do("print('\\x1b[2J\\u202e' + 'y' * 90)", "print('corr2d is right')", source=WRONG["corr2d"])
    put(tmp_path / "in", "ana", book(corr2d=wrong))
    loud = first_do("print('z' * 10**6)", "raise RuntimeError('\\x07' + 'q' * 10**6)")
    put(tmp_path / "in", "ben", book(corr2d=loud))
    grades = graded(tmp_path / "in", tmp_path / "out")
    text = grades.section("ana", "corr2d")
    assert "\x1b" not in text and "\u202e" not in text and "\\x1b[2J\\u202eyyy" in text
    one = grades.graded("ana").found[NAMES.index("corr2d")]
    assert "corr2d is right" in one.printed and "corr2d is right" not in one.text
    loud = grades.section("ben", "corr2d")
    assert "\\x07qqq" in loud and len(loud) < 10_000


def test_feedback_shows_no_number_of_the_secret_cases_that_was_printed(tmp_path):
    grades = only(tmp_path, book(corr2d=first_do("print('shape', image.shape)", source=WRONG["corr2d"])))
    small = {case.args["image"].shape for case in asked.exercise("corr2d").small().values()}
    printed = {line.split("shape ")[1] for line in grades.feedback("ana").splitlines() if line.startswith("shape")}
    assert printed == {str(shape) for shape in small}


def test_a_cell_that_stops_is_told_with_its_line(tmp_path):
    grades = only(tmp_path, book(corr2d="def corr2d(image, kernel):\n    x = 1\n   return x"))
    told = 'The cell that begins "def corr2d(image, kernel):" stopped at its line 3: IndentationError'
    assert told in grades.feedback("ana")
    assert "corr2d: not answered" in grades.section("ana", "corr2d")


def test_a_traceback_shows_the_students_own_line(tmp_path):
    grades = only(tmp_path, book(corr2d=first_do("return image[100, 100]")))
    assert "line 2 in corr2d: return image[100, 100]" in grades.section("ana", "corr2d")


# The grading folder -------------------------------------------------------------------------------


def snapshot(out):
    """All that is written for people. The journal may lie in other pages."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "journal.sqlite")
    return {path.relative_to(out): path.read_bytes() for path in files}


def test_the_same_folder_graded_again_gives_the_same_bytes(tmp_path):
    noisy = "def corr2d(image, kernel):\n    return np.random.standard_normal(3) + hash('b') % 7"
    hashed = "def zero_pad(x, padding):\n    raise RuntimeError({'a', 'b', 'c', 'd'}, object())"
    put(tmp_path / "in", "ana", book(corr2d=noisy, zero_pad=hashed))
    put(tmp_path / "in", "ben", book())
    graded(tmp_path / "in", tmp_path / "out")
    first = snapshot(tmp_path / "out")
    graded(tmp_path / "in", tmp_path / "out")
    assert snapshot(tmp_path / "out") == first
    assert {"seed", "gradebook.csv"} <= {path.as_posix() for path in first}


@posix
def test_the_seed_is_secret_and_drawn_anew_for_each_folder(tmp_path):
    (tmp_path / "in" / "ana").mkdir(parents=True)
    seeds = [folder.open_folder(tmp_path / out, tmp_path / "in") for out in ("one", "two", "one")]
    assert seeds[0] == seeds[2] != seeds[1] and len(seeds[0]) == 32
    assert (tmp_path / "one" / "seed").stat().st_mode & 0o777 == 0o600


def test_every_exercise_has_numbers_of_its_own():
    one, two = (judging.question(asked.exercise("corr2d"), secret) for secret in (b"a", b"b"))
    assert not np.array_equal(one.cases["square"].args["image"], two.cases["square"].args["image"])
    other = judging.question(asked.exercise("conv1d_forward"), b"a")
    assert one.cases["square"].args["image"][0, 0] != other.cases["defaults"].args["x"][0]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "gradebook.csv"
    folder.write_whole(path, "old")
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        folder.write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["gradebook.csv"]


# Refusals -----------------------------------------------------------------------------------------


@pytest.fixture
def submissions(tmp_path):
    put(tmp_path / "in", "ana", PLAIN)
    return tmp_path / "in"


def refusal(submissions, out, **more):
    plan = batch.Plan(more.pop("labs", None), nbval=False, level="none")
    with pytest.raises(CommandError) as error:
        batch.grade(submissions, out, plan, **{"course": HOUSE, **more})
    return str(error.value)


def test_refusals_say_what_to_do(submissions, tmp_path):
    out = tmp_path / "out"
    assert "does not exist" in refusal(tmp_path / "nowhere", out)
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert "a.zip" in refusal(tmp_path / "a.zip", out)
    (tmp_path / "void").mkdir()
    assert "nothing to grade" in refusal(tmp_path / "void", out)
    assert "inside each other" in refusal(submissions, submissions / "grades")
    assert "inside each other" in refusal(submissions, tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    assert "no grading folder" in refusal(submissions, tmp_path / "full")
    assert "cannot be used" in refusal(submissions, tmp_path / "a.zip")
    assert "lab42" in refusal(submissions, out, labs=("lab42",))
    assert "no lab" in refusal(submissions, out, labs=("seven",))
    assert "notebooks/" in refusal(submissions, out, course=tmp_path)
    assert not out.exists()


def test_a_damaged_seed_is_refused_and_kept(submissions, tmp_path):
    out = tmp_path / "out"
    folder.open_folder(out, submissions)
    (out / "seed").write_text("abc")
    assert "does not hold a seed" in refusal(submissions, out)
    assert (out / "seed").read_text() == "abc"


def test_the_command_tells_the_level_and_ends_with_0_1_or_2(submissions, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(crew, "processes", lambda workers: ThreadPoolExecutor(workers))
    words = ["grade", str(submissions), "--out", str(tmp_path / "out"), "--course", str(HOUSE)]
    words += ["--labs", "2", "--no-nbval", "--sandbox", "none"]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert " ".join(said.err.split()).count("No sandbox:") == 1
    assert "Graded 1 of 1 submissions" in " ".join(said.out.split())
    assert cli.main([*words[:2], "--out", str(submissions), *words[4:]]) == 2
    put(submissions, "ana", book())
    monkeypatch.setattr(job, "graded", lambda *args: 1 / 0)
    assert cli.main(words) == 1
    said = capsys.readouterr()
    assert "not graded: the grader failed (ZeroDivisionError" in " ".join(said.out.split())
    row = Grades(tmp_path / "out").by_name["ana"]
    assert row["total"] == row["lab02.corr2d"] == "" and "not graded" in row["flags"]


def test_a_judge_that_cannot_start_is_the_machines_fault(submissions, tmp_path, monkeypatch):
    put(submissions, "ana", book())
    monkeypatch.setattr("labkit.grading.process.BOOT", "raise OSError('no NumPy here')")
    grades = graded(submissions, tmp_path / "out")
    trouble = grades.graded("ana").trouble
    assert "did not start" in trouble and "no NumPy here" in trouble and grades.by_name["ana"]["total"] == ""
    monkeypatch.undo()
    assert graded(submissions, tmp_path / "out").lost("ana") == set()  # it is tried again next time


def stopped_by_ctrl_c(tmp_path, begun):
    """Grade tmp_path/in, with Ctrl-C as a terminal sends it once `begun()`; the exit status and what was told."""
    words = [sys.executable, "-m", "labkit", "grade", tmp_path / "in", "--out", tmp_path / "out", "--course", HOUSE]
    words += ["--sandbox", "none", "--no-nbval"]
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not begun():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    return process.returncode, err


@posix
def test_ctrl_c_ends_everything_and_leaves_the_old_gradebook(tmp_path):
    told = tmp_path / "pid"
    tell_pid = f"import os\nopen({str(told)!r}, 'w').write(str(os.getpid()))"
    put(tmp_path / "in", "ana", book(before=[tell_pid, "while True: pass"]))
    status, err = stopped_by_ctrl_c(tmp_path, lambda: told.exists() and told.read_text())
    assert status == 130 and "stopped" in err
    assert sorted(os.listdir(tmp_path / "out")) == ["journal.sqlite", "seed"]
    pid = int(told.read_text())
    for _ in range(50):
        if not alive(pid):
            break
        time.sleep(0.1)
    assert not alive(pid)


@posix
def test_ctrl_c_while_workers_load_is_told_in_a_sentence(tmp_path):
    put(tmp_path / "in", "ana", book())
    status, err = stopped_by_ctrl_c(tmp_path, (tmp_path / "out" / "journal.sqlite").exists)
    assert status == 130 and err.splitlines()[-1] == "labkit grade: stopped."


def alive(pid):
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


# The process --------------------------------------------------------------------------------------


def questions(*names):
    return [judging.question(asked.exercise(name), b"secret") for name in names]


def test_without_fork_each_exercise_gets_a_process_and_the_same_verdict():
    """As on systems that cannot fork."""
    two = questions("same_padding", "corr2d", "zero_pad")
    endless = "def corr2d(*args):\n    while True: pass"
    cells = [RIGHT["same_padding"], endless, RIGHT["zero_pad"], "import os\nos._exit(5)"]
    collected = processes.collect(cells, [one.task for one in two], Limits(load=20, calls=2), fork=False)
    verdicts = [judging.verdict(one, collected.answers[one.exercise.name], False) for one in two]
    assert [one.state == FULL for one in verdicts] == [True, False, True]
    assert verdicts[1].trouble == "took longer than 2 s"
    assert [(lost.cell, lost.statement) for lost in collected.lost] == [(3, 1)]
    assert "exit status 5" in collected.lost[0].how


def test_no_folder_and_no_process_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cells, before = ["open('left.txt', 'w').write('x')", RIGHT["corr2d"]], set(processes.Warm.running)
    processes.collect(cells, [one.task for one in questions("corr2d")], SHORT)
    assert os.listdir(tmp_path) == [] and set(processes.Warm.running) == before


def test_grading_needs_torch_only_to_judge():
    code = "import sys, labkit.grading.batch; print('torch' in sys.modules, 'keras' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
