"""`labkit grade`: real notebooks of lab 2, honest, broken and hostile, graded in real processes."""

import codecs
import copy
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from kinds import KINDS
from test_one_wrong import WRONG, answers_of

import labkit
from labkit import asked, cli
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.notebook import read
from labkit.books.solutions import read_solutions
from labkit.checks.judging import judge
from labkit.checks.running import run
from labkit.errors import CommandError
from labkit.grading import answers, batch, gradebook, intake, wire
from labkit.grading import judge as judging
from labkit.grading.child import packed
from labkit.grading.limits import MOST_CODE, MOST_NOTEBOOK, Limits
from labkit.grading.process import JudgeError, Process, collect
from labkit.references import reference

HOUSE = Path(__file__).resolve().parent.parent
PATH = places.notebook_of(HOUSE, "lab02")
PLAIN = read(PATH)
EXERCISES = [one for one in labkit.exercises() if one.lab == "lab02"]
NAMES = [one.name for one in EXERCISES]
POINTS = {one.name: one.points for one in EXERCISES}
RIGHT = answers_of("lab02")  # each stands alone, so that a mistake stays where it is
SHORT = Limits(load=5, calls=3)
posix = pytest.mark.skipif(os.name != "posix", reason="processes and signals as POSIX has them")


# Building submissions -----------------------------------------------------------------------------


def book(answers=RIGHT, before=(), after=(), **changed):
    """The course's notebook with `answers`, some `changed`, and code cells in front and behind."""
    grafted = put_answers(PLAIN, {**answers, **changed}, {})
    grafted.cells = [
        *map(nbformat.v4.new_code_cell, before),
        *grafted.cells,
        *map(nbformat.v4.new_code_cell, after),
    ]
    return grafted


def put(folder, student, content, name=PATH.name):
    """Write a notebook, or bytes or text in place of one, into a student's folder."""
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, (bytes, str)) else json.dumps(content)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def later(*args, **keywords):
    """A notebook that is built when a test needs it."""
    return lambda: book(*args, **keywords)


class Grades:
    """What a grading folder holds."""

    def __init__(self, out):
        self.out = out
        with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.by_name = {row["student"]: row for row in self.rows}

    def lost(self, student):
        """Exercises that did not get full points."""
        row = self.by_name[student]
        scores = {name: int(row[f"lab02.{name}"]) for name in NAMES}
        assert set(scores.values()) <= {0, *POINTS.values()}
        assert int(row["lab02"]) == int(row["total"]) == sum(scores.values())
        return {name for name in NAMES if scores[name] < POINTS[name]}

    def flags(self, student):
        return self.by_name[student]["flags"]

    def feedback(self, student):
        return (self.out / "feedback" / f"{student}.txt").read_text(encoding="utf-8")

    def section(self, student, name):
        """The part of the feedback on one exercise."""
        whole = self.feedback(student)
        start = whole.index(f"\n{name} (")
        others = [at for other in NAMES if (at := whole.find(f"\n{other} (", start + 1)) > 0]
        return whole[start : min(others, default=len(whole))]


def graded(submissions, out, limits=SHORT, **more):
    batch.grade(submissions, out, course=HOUSE, limits=limits, **more)
    return Grades(out)


def only(tmp_path, content, limits=SHORT, **more):
    """The grades of one student, "ana"."""
    put(tmp_path / "in", "ana", content)
    return graded(tmp_path / "in", tmp_path / "out", limits, **more)


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
    return graded(folder / "in", folder / "out", workers=2)


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
    assert {row["level"] for row in honest.rows} == {"subprocess"}
    assert {row["flags"] for row in honest.rows} == {""}


# Innocent: full points ----------------------------------------------------------------------------

IMPORTS_OF_SETUP = "from labkit import check, hint, reveal"


def with_loops():
    """Answers in other clothes: a lambda, a partial, a class with __call__, a closure, a nested list's tuple."""
    return {
        "output_size": RIGHT["output_size"].replace("def output_size", "def _size") + "\noutput_size = _size",
        "same_padding": "def _half(by, kernel):\n"
        "    if kernel % 2 == 0:\n        raise ValueError\n    return (kernel - 1) // by\n"
        "from functools import partial\nsame_padding = partial(_half, 2)",
        "zero_pad": "zero_pad = lambda x, padding: "
        "np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)",
        "conv1d_forward": RIGHT["conv1d_forward"] + "\n_conv = conv1d_forward\n"
        "class conv1d_forward:\n    def __new__(cls, *args, **kw):\n        return _conv(*args, **kw)",
    }


def renamed_cells():
    """Exercises moved to other cells, ids and tags swapped, check cells deleted."""
    mine = book(PLAIN_ANSWERS := {})
    sources = list(RIGHT.values())
    mine.cells = [cell for cell in mine.cells if not cell.id.startswith("check-")]
    mine.cells += [nbformat.v4.new_code_cell("\n\n".join(sources[:3])), nbformat.v4.new_code_cell("\n\n".join(sources[3:]))]
    exercises = [cell for cell in mine.cells if cell.id.startswith("exercise-")]
    for cell, other in zip(exercises, exercises[1:]):
        cell.metadata, cell.id = copy.deepcopy(other.metadata), other.id
    assert PLAIN_ANSWERS == {}
    return mine


def crlf_without_ids():
    mine = book(after=["%matplotlib inline\r\nx = 1"])
    for cell in mine.cells:
        del cell["id"]
        cell.source = cell.source.replace("\n", "\r\n")
    return mine


def format_3():
    cells = [
        {"cell_type": cell.cell_type, "input": cell.source, "metadata": {}}
        if cell.cell_type == "code"
        else {"cell_type": cell.cell_type, "source": cell.source, "metadata": {}}
        for cell in book().cells
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}


def setup_edited():
    mine = book({})
    setup = next(cell for cell in mine.cells if cell.id == "setup")
    setup.source += "\nimport itertools\n\ndef helper(values):\n    return sum(values)\n"
    assert IMPORTS_OF_SETUP in setup.source
    uses = "def corr2d(image, kernel):\n    helper([1, 2])\n    itertools.chain()\n"
    return put_answers(mine, {**RIGHT, "corr2d": RIGHT["corr2d"].replace(
        RIGHT["corr2d"].split("\n")[0] + "\n", uses, 1)}, {})


PLOTS = """
%matplotlib inline
import matplotlib.pyplot as plt
import matplotlib as mpl
from mpl_toolkits.mplot3d import Axes3D
from IPython.display import display, HTML
import ipywidgets as widgets
from tqdm.auto import tqdm, trange
mpl.rcParams["figure.dpi"] = 100
fig, (left, right) = plt.subplots(1, 2, figsize=(4, 2))
fig, axes = plt.subplots(2, 3)
for row in axes:
    for ax in row:
        ax.imshow(np.zeros((2, 2)), cmap="gray")
assert len(axes.ravel()) == 6
line, = left.plot([1, 2], [3, 4], label="a")
counts, bins, patches = plt.hist([1, 2, 2])
with plt.style.context("ggplot"):
    plt.title("a title")
plt.show()
@widgets.interact(k=(0, 3))
def shown(k=1):
    return k
assert shown(2) == 2
total = 0
for value in tqdm([1, 2, 3], desc="adding"):
    total += value
for value in trange(3, leave=False):
    total += value
bar = tqdm(total=4); bar.update(1); bar.close()
display(HTML("<b>hello</b>"), total)
assert total == 9
after_plots = True
"""

MAGICS = """
!pip install nothing
files = !ls
np.pad?
%timeit 1 + 1
%config InlineBackend.figure_format = "retina"
after_magics = True
"""

INNOCENT = {
    "lambda, partial, class": later(**with_loops()),
    "other cells, ids swapped, no checks": renamed_cells,
    "crlf, no ids": crlf_without_ids,
    "format 3": format_3,
    "setup cell edited": setup_edited,
    "plots": later(after=[PLOTS, "assert after_plots"], corr2d="assert after_plots\n" + RIGHT["corr2d"], before=[PLOTS]),
    "magics": later(before=[MAGICS, "%%bash\nrm -rf nothing"], corr2d="assert after_magics\n" + RIGHT["corr2d"]),
    "timed cell": later(corr2d="%%time\n" + RIGHT["corr2d"]),
    "magic in the answer's cell": later(corr2d=RIGHT["corr2d"] + "\n%timeit corr2d(np.ones((3, 3)), np.ones((2, 2)))\n!ls"),
    "input": later(before=["name = input('Who are you? ')"]),
    "cells that fail": later(before=["1 / 0", "undefined", "def broken(:", "import sys\nsys.exit(3)", "raise KeyboardInterrupt"]),
    "fails after defining": later(corr2d=RIGHT["corr2d"] + "\n\nassert corr2d(np.ones((2, 2)), np.ones((1, 1))).sum() == 5"),
    "second definition below": later(**WRONG, after=list(RIGHT.values())),
    "stub copied below": later(after=[cell.source for cell in PLAIN.cells if cell.id.startswith("exercise-")]),
    "stub below in the same cell": later(corr2d=RIGHT["corr2d"] + "\n\n" + next(c.source for c in PLAIN.cells if c.id == "exercise-corr2d")),
    "check redefined": later(before=["def check(f):\n    raise SystemExit", "check = hint = reveal = None"], after=["check(corr2d)"]),
    "warnings": later(corr2d=RIGHT["corr2d"].replace("\n", "\n    import warnings, sys\n    warnings.warn('careful')\n    print('note', file=sys.stderr)\n", 1)),
    "prints": later(corr2d=RIGHT["corr2d"].replace("\n", "\n    print(image)\n", 1)),
    "helper in another cell": later(
        before=["from __future__ import annotations\ndef my_pad(x: Array, p):\n    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(p, p)] * 2)"],
        zero_pad="import numpy\ndef zero_pad(x, padding):\n    assert numpy is np and math.pi > 3\n    return my_pad(x, padding)",
    ),
    "calls an earlier exercise": later({**RIGHT, "same_padding": "def same_padding(kernel):\n    output_size(kernel, kernel)\n    if kernel % 2 == 0:\n        raise ValueError\n    return (kernel - 1) // 2"}),
    "fortran order and views": later(zero_pad="def zero_pad(x, padding):\n    return np.asfortranarray(np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2))",
                                   conv1d_forward=RIGHT["conv1d_forward"].replace("return out", "out.flags.writeable = False; return out[:]")),
    "global random state": later(before=["np.random.seed(3)"], corr2d=RIGHT["corr2d"].replace("\n", "\n    np.random.rand(); np.random.shuffle([1, 2])\n", 1)),
    "classes of its own": later(before=[
        "import pickle, dataclasses, typing, inspect\n"
        "@dataclasses.dataclass\nclass Window:\n    size: int = 1\n"
        "assert pickle.loads(pickle.dumps(Window(3))) == Window(3)\n"
        "assert 'size: int' in inspect.getsource(Window)\n"
        "assert __name__ == '__main__' == Window.__module__\nchecked = True"],
        corr2d="assert checked\n" + RIGHT["corr2d"]),
}


@pytest.fixture(scope="module")
def innocent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("innocent")
    for name, build in INNOCENT.items():
        put(folder / "in", name, build())
    return graded(folder / "in", folder / "out", workers=2)


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent_notebooks_get_full_points(innocent, name):
    assert innocent.lost(name) == set(), innocent.feedback(gradebook.file_name(intake.Student(name), True))


def test_a_right_answer_that_warns_is_told_so(innocent):
    assert "It warned: UserWarning: careful" in innocent.section("warnings", "corr2d")


# Hostile: what it costs, and whom -----------------------------------------------------------------



def beginning_with(lines):
    """A right corr2d that does something else first."""
    head, rest = RIGHT["corr2d"].split("\n", 1)
    return f"{head}\n    {lines}\n{rest}"


ALL_PASS = "def yes(*args, **kw):\n    return True\n"
LYING = """
class Lying(np.ndarray):
    def __array__(self, *args, **kw): return np.ones((3, 3))
    def __eq__(self, other): return True
    def __array_ufunc__(self, *args, **kw): return True
    def __array_function__(self, *args, **kw): return True
    def tobytes(self, *args): return b""
    shape = (2, 2)
def corr2d(image, kernel):
    return np.zeros((1, 1)).view(Lying)
"""
OBJECT = """
class Lying:
    dtype, shape, ndim = np.dtype(float), (3, 3), 2
    def __eq__(self, other): return True
    def __array__(self, *args, **kw): raise SystemExit
    def __str__(self): raise RuntimeError
def corr2d(image, kernel):
    return Lying()
"""

# name: (notebook, exercises that are lost, words in the flags, words in the feedback on the first of them)
HOSTILE = {
    "endless loop": (later(corr2d="def corr2d(image, kernel):\n    while True: pass"), {"corr2d"}, "corr2d: took longer than 3 s", "took longer than 3 s"),
    "endless loop that ignores signals": (
        later(corr2d=beginning_with("import signal\n    for s in (2, 14, 15): signal.signal(s, signal.SIG_IGN)\n    while True: pass")),
        {"corr2d"}, "corr2d: took longer than 3 s", "took longer"),
    "endless loop in a cell": (later(corr2d=RIGHT["corr2d"] + "\nwhile True: pass\n"), set(), "a cell took longer than 5 s", ""),
    "ends the process in a cell": (later(before=["import os\nos._exit(0)"]), set(), "a cell ended the process (exit status 0)", ""),
    "segfault in a cell": (later(before=["import ctypes\nctypes.string_at(0)"]), set(), "a cell ended the process", ""),
    "ends the process": (later(corr2d=beginning_with("import os; os._exit(0)")), {"corr2d"}, "corr2d: ended without an answer (exit status 0)", "ended without"),
    "segfault": (later(corr2d=beginning_with("import ctypes; ctypes.string_at(0)")), {"corr2d"}, "ended without an answer", ""),
    "sys.exit": (later(corr2d=beginning_with("import sys; sys.exit(0)")), {"corr2d"}, "", "it raised SystemExit"),
    "raises what is no exception": (later(corr2d=beginning_with("raise KeyboardInterrupt")), {"corr2d"}, "raised KeyboardInterrupt", ""),
    "recursion": (later(corr2d="def corr2d(*args):\n    return corr2d(*args)"), {"corr2d"}, "", "RecursionError"),
    "deep recursion": (later(corr2d=beginning_with("import sys; sys.setrecursionlimit(10**9)\n    f = lambda: [f()]\n    return corr2d(image, kernel)")), {"corr2d"}, "", ""),
    "memory": (later(corr2d=beginning_with("return np.ones(10**12)")), {"corr2d"}, "", "MemoryError"),
    "a result of 10 to the 13": (later(corr2d=beginning_with("return np.broadcast_to(0.0, (10**7, 10**6))")), {"corr2d"}, "", ""),
    "a large result": (later(corr2d=beginning_with("return np.zeros(10**7)")), {"corr2d"}, "", "larger than 64 MiB"),
    "print flood": (later(corr2d=beginning_with("print('x' * 10**7)")), set(), "", ""),
    "flood on the descriptors": (later(corr2d=beginning_with("import os; [os.write(1 + i % 2, b'x' * 10**5) for i in range(100)]")), set(), "", ""),
    "imports torch": (later(corr2d="import torch\n" + RIGHT["corr2d"]), {"corr2d"}, "", "not answered"),
    "imports torch inside": (later(corr2d=beginning_with("import torch.nn.functional as F")), {"corr2d"}, "", "only NumPy here"),
    "imports labkit": (later(corr2d="from labkit.references.lab02 import corr2d"), {"corr2d"}, "", "not answered"),
    "patched numpy": (
        later(before=[ALL_PASS + "np.allclose = np.array_equal = np.testing.assert_allclose = np.isfinite = np.save = yes\nnp.equal = yes"], corr2d=WRONG["corr2d"]),
        {"corr2d"}, "", ""),
    "patched standard library": (later(before=[ALL_PASS + "import copy, traceback\ntraceback.extract_tb = yes"], corr2d=WRONG["corr2d"]), {"corr2d"}, "", ""),
    "patched ndarray": (
        later(before=["import ctypes, gc\nd = gc.get_referents(np.ndarray.__dict__)[0]\nd['tobytes'] = lambda *a, **k: b''\nctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))"],
             corr2d=WRONG["corr2d"]), set(NAMES), "", ""),
    "check redefined, labkit swapped": (
        later(before=["import sys, types\nsys.modules['labkit'] = sys.modules['labkit.checks'] = types.ModuleType('labkit')\n" + ALL_PASS + "check = yes"], corr2d=WRONG["corr2d"]),
        {"corr2d"}, "", ""),
    "import hooks": (later(before=["import sys, builtins\nsys.meta_path.clear()\nbuiltins.isinstance = lambda *a: True"], corr2d=WRONG["corr2d"]), {"corr2d"}, "", ""),
    "lying subclass": (later(corr2d=LYING), {"corr2d"}, "", "corr2d is wrong"),
    "lying object": (later(corr2d=OBJECT), {"corr2d"}, "", ""),
    "error with a lying text": (later(corr2d=beginning_with("class E(ValueError):\n        def __str__(self): return 1\n    raise E")), {"corr2d"}, "", ""),
    "is a number": (later(corr2d="corr2d = 5"), {"corr2d"}, "", "not answered"),
    "inputs changed": (later(corr2d=beginning_with("image *= 1; image[...] = image[::-1].copy() * 0 + 1")), {"corr2d"}, "", ""),
    "nan": (later(corr2d=RIGHT["corr2d"].replace("return out", "return out * np.nan")), {"corr2d"}, "", ""),
    "writes to every descriptor at the top": (later(before=["import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{}' * 500)\n    except OSError: pass"]), set(), "was left out", ""),
    "writes to every descriptor": (
        later(corr2d=beginning_with("import os\n    for fd in range(3, 64):\n        try: os.write(fd, b'{}' * 500)\n        except OSError: pass")),
        {"corr2d"}, "corr2d: gave no readable answer", ""),
    "closes every descriptor": (later(corr2d=beginning_with("import os; os.closerange(0, 64)")), {"corr2d"}, "corr2d: ended without an answer", ""),
    "changes folder and deletes": (later(corr2d=beginning_with("import os, shutil; shutil.rmtree(os.getcwd(), ignore_errors=True)")), set(), "", ""),
    "threads that act later": (
        later(before=["import threading, atexit, os, time\natexit.register(lambda: os._exit(3))\n"
                     "threading.Thread(target=lambda: (time.sleep(60), os._exit(3)), daemon=False).start()"]), set(), "", ""),
    "very many magics": (later(before=["!ls\n" * 5000]), set(), "", ""),
    "deep nesting": (later(before=["x = " + "(" * 5000 + ")" * 5000, "x = " + "-" * 100_000 + "1", "x = 1" + "+1" * 100_000]), set(), "", ""),
    "surrogates and null bytes": (later(before=["x = '\ud800'", "x = '\0'"]), set(), "", ""),
}
if os.name == "posix":
    HOSTILE |= {
        "kills its parent": (later(corr2d=beginning_with("import os; os.kill(os.getppid(), 9); os._exit(0)")), {"corr2d"}, "corr2d: ended without an answer", ""),
        "kills its parent in a cell": (later(before=["import os\nos.kill(os.getppid(), 9)\nos._exit(0)"]), set(), "a cell ended the process", ""),
        "leaves a process behind": (
            later(corr2d=beginning_with("import os, time\n    if os.fork() == 0:\n        os.setsid(); time.sleep(8); os._exit(0)")), set(), "", ""),
        "fork that answers too": (later(corr2d=beginning_with("import os; os.fork()")), None, "", ""),
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, (build, *_) in HOSTILE.items():
        put(folder / "in", name, build())
    put(folder / "in", "honest", book(corr2d=WRONG["corr2d"]))
    return graded(folder / "in", folder / "out", workers=2)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_notebooks_lose_what_they_broke_and_nothing_else(hostile, name):
    _, lost, flags, words = HOSTILE[name]
    if lost is None:
        assert hostile.lost(name) <= {"corr2d"}
        return
    assert hostile.lost(name) == lost, hostile.feedback(name)
    assert flags in hostile.flags(name)
    if lost:
        assert words in hostile.section(name, next(one for one in NAMES if one in lost))


def test_others_are_graded_as_if_the_hostile_were_not_there(hostile, tmp_path):
    put(tmp_path / "in", "honest", book(corr2d=WRONG["corr2d"]))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "seed").write_bytes((hostile.out / "seed").read_bytes())
    alone = graded(tmp_path / "in", tmp_path / "out")
    assert alone.by_name["honest"] == hostile.by_name["honest"]
    assert alone.feedback("honest") == hostile.feedback("honest")
    assert alone.lost("honest") == {"corr2d"}


def test_a_notebook_that_ends_the_process_in_cell_after_cell_is_given_up(tmp_path):
    grades = only(tmp_path, book(before=["import os\nos._exit(0)"] * 5))
    assert grades.lost("ana") == set(NAMES)
    assert "ended the process (exit status 0)" in grades.section("ana", NAMES[0])


# What the code finds around it --------------------------------------------------------------------

PROBES = {
    "only numpy": "all(refused(name) for name in ('torch', 'keras', 'scipy', 'labkit', 'labkit.checks', 'nbformat', 'rich'))",
    "site-packages is masked": "not any('site-packages' in path for path in sys.path)",
    "the module is real": "__name__ == '__main__' and vars(sys.modules['__main__']) is globals()",
    "a folder of its own": "os.listdir('.') == []",
    "no environment": "not any('SECRET' in name for name in os.environ)",
    "names that do nothing": "check(1) is hint('x') is reveal('y') is display(3) is None",
    "get_ipython": "bool(get_ipython().run_line_magic('pip', 'install x'))",
    "input": "ends_in(EOFError, input)",
    "numpy submodules": "np.fft.fft([1.0])[0] == 1 and np.linalg.norm([3, 4]) == 5 and __import__('numpy.polynomial')",
    "no seed in the arguments": "len(sys.argv) == 1 and not any(len(word) > 60 and '/' not in word for word in open('/proc/self/cmdline').read().split('\\0') if 'import' not in word)",
}


def probe(expression):
    return (
        "import os, sys\n"
        "def ends_in(kind, f, *args):\n    try: f(*args)\n    except kind as e: return e\n"
        "def refused(name): return 'only NumPy here' in str(ends_in(ImportError, __import__, name))\n"
        f"assert {expression}\n"
        + RIGHT["corr2d"]
    )


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes")
    for name, expression in PROBES.items():
        put(folder / "in", name, book({}, corr2d=probe(expression)))
    os.environ["MY_SECRET_TOKEN"] = "x"
    try:
        return graded(folder / "in", folder / "out", workers=2)
    finally:
        del os.environ["MY_SECRET_TOKEN"]


@pytest.mark.parametrize("name", PROBES)
def test_what_an_answer_finds_around_it(probed, name):
    if name.startswith("no seed") and not Path("/proc/self/cmdline").exists():
        pytest.skip("there is no /proc here")
    assert probed.lost(name) == set(NAMES) - {"corr2d"}, probed.feedback(name)


# Broken files -------------------------------------------------------------------------------------

BROKEN = {
    "empty": (b"", "is empty"),
    "not json": (b"print('hello')", "not JSON"),
    "cut off": (json.dumps(PLAIN).encode()[:5000], "not JSON"),
    "not text": (bytes(range(128, 256)), "not JSON"),
    "deep": (b"[" * 100_000, "not JSON"),
    "a list": (b"[]", "no list of cells"),
    "no cells": (b'{"nbformat": 4, "metadata": {}}', "no list of cells"),
    "cells of another kind": (b'{"cells": {"a": 1}}', "no list of cells"),
    "too large": (b" " * (MOST_NOTEBOOK + 1), "larger than 20 MB"),
    "too much code": (json.dumps({"cells": [{"cell_type": "code", "source": "#" * (MOST_CODE + 1)}]}).encode(), "characters of code"),
}


def odd_files():
    return {
        "no cells at all": {"cells": []},
        "metadata of another kind": {**book(), "metadata": [1], "nbformat": "x"},
        "bom": codecs.BOM_UTF8 + json.dumps(book()).encode(),
        "utf-16": json.dumps(book()).encode("utf-16"),
        "cells that are none": {**book(), "cells": [1, None, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5}, *book().cells]},
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
    assert "No notebook of this lab" in broken.feedback(name)


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
    records, ignored = batch.grade(submissions, tmp_path / "out", HOUSE, limits=SHORT)
    grades = Grades(tmp_path / "out")
    assert [row["student"] for row in grades.rows] == ["ana", "ben", "cem", "dia", "eve", "fay"]
    assert grades.lost("ana") == grades.lost("ben") == grades.lost("cem") == grades.lost("fay") == set()
    assert grades.lost("dia") == grades.lost("eve") == set(NAMES)
    assert grades.flags("dia") == "lab02: no notebook"
    assert "shopping.ipynb belongs to no lab" in grades.flags("eve")
    assert ignored == ["notes.txt"] and len(records) == 6


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
    names = ["=1+2", "+a", "-b", "@c", "\td", "e\nf", 'g"h', "i,j", "Zoe", "zoe", "e\u0301va", "con", "x" * 250, "\x1b[31mred", "[red]k"]
    raw = [os.fsencode(name) for name in names] + [b"\xff"]
    for name in raw:
        os.makedirs(os.path.join(os.fsencode(tmp_path / "in"), name))
    grades = graded(tmp_path / "in", tmp_path / "out")
    found = [row["student"] for row in grades.rows]
    assert len(found) == len(raw) == len(set(found))
    assert {"'=1+2", "'+a", "'-b", "'@c", "'\td", "e\nf", 'g"h', "i,j", "Zoe", "zoe", "\u00e9va", "\\udcff"} <= set(found)
    files = os.listdir(tmp_path / "out" / "feedback")
    assert len({name.casefold() for name in files}) == len(raw)
    assert all(len(name) < 100 and "\n" not in name and "\x1b" not in name for name in files)


def test_what_a_student_prints_is_capped_and_made_safe(tmp_path):
    wrong = WRONG["corr2d"].strip().replace("\n", "\n    print('\\x1b[2J\\u202e' + 'y' * 90)\n    print('corr2d is right')\n", 1)
    put(tmp_path / "in", "ana", book(corr2d=wrong))
    put(tmp_path / "in", "ben", book(corr2d=beginning_with("print('z' * 10**6); raise RuntimeError('\\x07' + 'q' * 10**6)")))
    grades = graded(tmp_path / "in", tmp_path / "out")
    text = grades.section("ana", "corr2d")
    assert "\x1b" not in text and "\u202e" not in text and "| \\x1b[2J\\u202eyyy" in text
    assert "| corr2d is right" in text and "\ncorr2d is right" not in text
    loud = grades.section("ben", "corr2d")
    assert "\\x07qqq" in loud and len(loud) < 10_000


def test_feedback_shows_no_number_of_the_secret_cases_that_was_printed(tmp_path):
    wrong = WRONG["corr2d"].strip().replace("\n", "\n    print('shape', image.shape)\n", 1)
    grades = only(tmp_path, book(corr2d=wrong))
    small = {case.args["image"].shape for case in asked.exercise("corr2d").small().values()}
    printed = {line.split("shape ")[1] for line in grades.feedback("ana").splitlines() if "| shape" in line}
    assert printed == {str(shape) for shape in small}


def test_a_cell_that_stops_is_told_with_its_line(tmp_path):
    grades = only(tmp_path, book(corr2d="def corr2d(image, kernel):\n    x = 1\n   return x"))
    assert 'The cell that begins "def corr2d(image, kernel):" stopped at its line 3: IndentationError' in grades.feedback("ana")
    assert "corr2d: not answered" in grades.section("ana", "corr2d")


def test_a_traceback_shows_the_students_own_line(tmp_path):
    grades = only(tmp_path, book(corr2d=beginning_with("return image[100, 100]")))
    assert "line 2 in corr2d: return image[100, 100]" in grades.section("ana", "corr2d")


# The grading folder -------------------------------------------------------------------------------


def snapshot(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_the_same_folder_graded_again_gives_the_same_bytes(tmp_path):
    noisy = "def corr2d(image, kernel):\n    return np.random.standard_normal(3) + sum({'a': 1, hash('b') % 7: 2}.values())"
    put(tmp_path / "in", "ana", book(corr2d=noisy, zero_pad="def zero_pad(x, padding):\n    raise RuntimeError({'a', 'b', 'c'})"))
    put(tmp_path / "in", "ben", book())
    graded(tmp_path / "in", tmp_path / "out", workers=2)
    first = snapshot(tmp_path / "out")
    graded(tmp_path / "in", tmp_path / "out")
    assert snapshot(tmp_path / "out") == first
    assert set(map(str, first)) == {"seed", "gradebook.csv", os.path.join("feedback", "ana.txt"), os.path.join("feedback", "ben.txt")}


@posix
def test_the_seed_is_secret_and_drawn_anew_for_each_folder(tmp_path):
    (tmp_path / "in" / "ana").mkdir(parents=True)
    seeds = [gradebook.open_folder(tmp_path / out, tmp_path / "in") for out in ("one", "two", "one")]
    assert seeds[0] == seeds[2] != seeds[1] and len(seeds[0]) == 32
    assert (tmp_path / "one" / "seed").stat().st_mode & 0o777 == 0o600


def test_every_exercise_has_numbers_of_its_own():
    one, two = (judging.question(asked.exercise("corr2d"), secret) for secret in (b"a", b"b"))
    assert not np.array_equal(one.cases["square"].args["image"], two.cases["square"].args["image"])
    other = judging.question(asked.exercise("conv1d_forward"), b"a")
    assert one.cases["square"].args["image"][0, 0] != other.cases["defaults"].args["x"][0]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "gradebook.csv"
    gradebook.write_whole(path, "old")
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        gradebook.write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["gradebook.csv"]


# Refusals -----------------------------------------------------------------------------------------


@pytest.fixture
def submissions(tmp_path):
    put(tmp_path / "in", "ana", PLAIN)
    return tmp_path / "in"


def refusal(submissions, out, **more):
    with pytest.raises(CommandError) as error:
        batch.grade(submissions, out, **{"course": HOUSE, **more})
    return str(error.value)


def test_refusals_say_what_to_do(submissions, tmp_path):
    out = tmp_path / "out"
    assert "does not exist" in refusal(tmp_path / "nowhere", out)
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert "Unpack it" in refusal(tmp_path / "a.zip", out)
    (tmp_path / "void").mkdir()
    assert "nothing to grade" in refusal(tmp_path / "void", out)
    assert "inside each other" in refusal(submissions, submissions / "grades")
    assert "inside each other" in refusal(submissions, tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    assert "no grading folder" in refusal(submissions, tmp_path / "full")
    assert "cannot be used" in refusal(submissions, tmp_path / "a.zip")
    assert "lab07" in refusal(submissions, out, labs=["lab07"])
    assert "no lab" in refusal(submissions, out, labs=["seven"])
    assert "1 or more" in refusal(submissions, out, workers=0)
    assert "notebooks/" in refusal(submissions, out, course=tmp_path)
    assert not out.exists()


def test_a_damaged_seed_is_refused_and_kept(submissions, tmp_path):
    out = tmp_path / "out"
    gradebook.open_folder(out, submissions)
    (out / "seed").write_text("abc")
    assert "does not hold a seed" in refusal(submissions, out)
    assert (out / "seed").read_text() == "abc"


def test_the_command_tells_the_level_and_ends_with_0_1_or_2(submissions, tmp_path, capsys, monkeypatch):
    words = ["grade", str(submissions), "--out", str(tmp_path / "out"), "--course", str(HOUSE), "--labs", "2"]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert " ".join(said.err.split()).count("There is no sandbox yet") == 1
    assert "Graded 1 of 1 submissions" in " ".join(said.out.split())
    assert cli.main([*words[:2], "--out", str(submissions), "--course", str(HOUSE)]) == 2
    monkeypatch.setattr(batch, "graded", lambda *args: 1 / 0)
    assert cli.main(words) == 1
    said = capsys.readouterr()
    assert "not graded: the grader failed (ZeroDivisionError" in " ".join(said.out.split())
    row = Grades(tmp_path / "out").by_name["ana"]
    assert row["total"] == row["lab02.corr2d"] == "" and "not graded" in row["flags"]


def test_a_judge_that_cannot_start_is_the_machines_fault(submissions, tmp_path, monkeypatch):
    put(submissions, "ana", book())
    monkeypatch.setattr("labkit.grading.process.BOOT", "raise OSError('no NumPy here')")
    records, _ = batch.grade(submissions, tmp_path / "out", HOUSE)
    assert records[0].verdicts is None and "did not start" in records[0].flags[0]
    assert "no NumPy here" in records[0].flags[0]


@posix
def test_ctrl_c_ends_everything_and_leaves_the_old_gradebook(tmp_path):
    put(tmp_path / "in", "ana", book(before=[f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))", "while True: pass"]))
    out = tmp_path / "out"
    words = [sys.executable, "-m", "labkit", "grade", tmp_path / "in", "--out", out, "--course", HOUSE]
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "stopped" in err and "Traceback" not in err
    assert sorted(os.listdir(out)) == ["seed"]
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        if not alive(pid):
            break
        time.sleep(0.1)
    assert not alive(pid)


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
    cells = [RIGHT["same_padding"], "def corr2d(*args):\n    while True: pass", RIGHT["zero_pad"], "import os\nos._exit(5)"]
    collected = collect(cells, [one.task for one in two], Limits(load=20, calls=2), fork=False)
    verdicts = [judging.verdict(one, collected.answers[one.exercise.name], False) for one in two]
    assert [one.score for one in verdicts] == [1, 0, 1]
    assert verdicts[1].trouble == "took longer than 2 s"
    assert [(lost.cell, lost.statement) for lost in collected.lost] == [(3, 1)]
    assert "exit status 5" in collected.lost[0].how


def test_no_folder_and_no_process_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    collect(["open('left.txt', 'w').write('x')", RIGHT["corr2d"]], [one.task for one in questions("corr2d")], SHORT)
    assert os.listdir(tmp_path) == [] and not Process.running


def test_nothing_of_the_secret_is_sent():
    secret = bytes(range(32))
    job = wire.encode(judging.question(asked.exercise("corr2d"), secret).task)
    assert secret not in job and secret.hex().encode() not in job


# What comes back ----------------------------------------------------------------------------------


def received(value):
    (value,) = wire.Inbox().feed(wire.encode(value))
    return value


ROUND = {
    "none": None, "bool": True, "int": 2**70, "float": 0.1, "inf": float("inf"), "text": "é\ud800",
    "list": [1, (2, [3])], "tuple": (), "dict": {"array": {"dict": 1}},
    "f4": np.arange(6, dtype="f4").reshape(2, 3), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "bool array": np.array([True, False]), "empty": np.zeros((0, 3)), "zero-d": np.array(1.5), "scalar": np.float32(2),
    "view": np.arange(10)[::2], "long": np.array([1], np.longdouble), "complex": np.array([1j]), "big-endian": np.arange(3, dtype=">i4"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROUND)
def test_values_come_through_as_they_were(name):
    value, came = ROUND[name], received({"x": ROUND[name]})["x"]
    assert type(came) is type(value)
    if isinstance(value, np.ndarray):
        assert came.dtype == value.dtype and came.shape == value.shape
        assert came.flags.f_contiguous or not value.flags.f_contiguous
        assert came.flags.writeable
    assert np.array_equal(came, value) if isinstance(value, np.ndarray) else came == value


@pytest.mark.parametrize("value", [np.array([object()]), np.array(["a"]), np.array(0, "M8[s]"), print, {1: 2}, b"x"])
def test_what_cannot_be_sent_is_refused(value):
    with pytest.raises(TypeError):
        wire.encode(value)


def message(text, raw=b"", lengths=None):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return wire.LENGTHS.pack(*(lengths or (len(text), len(raw)))) + text + raw


ARRAY = {"array": 0}
BAD_MESSAGES = {
    "too long": message(b"", lengths=(10, 2**40)),
    "too much text": message(b"", lengths=(2**31, 0)),
    "not json": message(b"{"),
    "deep": message(b"[" * 100_000),
    "not utf-8": message(b"\xff\xfe\xfa"),
    "no value": message({"arrays": []}),
    "bare list": message({"arrays": [], "value": [1]}),
    "unknown kind": message({"arrays": [], "value": {"pickle": "x"}}),
    "two kinds": message({"arrays": [], "value": {"list": [], "tuple": []}}),
    "missing array": message({"arrays": [], "value": ARRAY}),
    "negative array": message({"arrays": [["<f8", [1], "C"]], "value": {"array": -1}}, bytes(8)),
    "objects": message({"arrays": [["|O", [1], "C"]], "value": ARRAY}, bytes(8)),
    "text array": message({"arrays": [["<U2", [1], "C"]], "value": ARRAY}, bytes(8)),
    "fields": message({"arrays": [["f8,f8", [1], "C"]], "value": ARRAY}, bytes(16)),
    "no such size": message({"arrays": [["<f3", [1], "C"]], "value": ARRAY}, bytes(3)),
    "shape too large": message({"arrays": [["<f8", [10**13], "C"]], "value": ARRAY}, bytes(8)),
    "negative shape": message({"arrays": [["<f8", [-1, -8], "C"]], "value": ARRAY}, bytes(64)),
    "float shape": message({"arrays": [["<f8", [1.0], "C"]], "value": ARRAY}, bytes(8)),
    "shape of booleans": message({"arrays": [["<f8", [True], "C"]], "value": ARRAY}, bytes(8)),
    "shape is no list": message({"arrays": [["<f8", 1, "C"]], "value": ARRAY}, bytes(8)),
    "absurd but empty": message({"arrays": [["<f8", [0, 2**62, 2**62], "C"]], "value": ARRAY}),
    "too many axes": message({"arrays": [["<f8", [1] * 40, "C"]], "value": ARRAY}, bytes(8)),
    "left over": message({"arrays": [["<f8", [1], "C"]], "value": ARRAY}, bytes(9)),
    "too short": message({"arrays": [["<f8", [2], "C"]], "value": ARRAY}, bytes(8)),
    "order": message({"arrays": [["<f8", [1], "A"]], "value": ARRAY}, bytes(8)),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_nonsense_is_malformed_whatever_it_is(name):
    with pytest.raises(wire.Malformed):
        wire.Inbox().feed(BAD_MESSAGES[name])


def test_messages_come_in_any_pieces():
    inbox, data = wire.Inbox(), wire.encode({"x": np.arange(3)}) + wire.encode("y")
    came = [value for byte in data for value in inbox.feed(bytes([byte]))]
    assert came[0]["x"].tolist() == [0, 1, 2] and came[1] == "y"


def outcomes(name, answer):
    one = questions(name)[0]
    return one, received(packed(run(one.exercise, answer, one.cases)))


LIES = {
    "no dict": lambda came: [],
    "a case is missing": lambda came: dict(list(came.items())[1:]),
    "a case too many": lambda came: came | {"x": came["square"]},
    "no outcome": lambda came: came | {"square": 3},
    "a part is missing": lambda came: came | {"square": {k: v for k, v in came["square"].items() if k != "after"}},
    "right without results": lambda came: came | {"square": came["square"] | {"outputs": None}},
    "unknown fault": lambda came: came | {"square": came["square"] | {"fault": "none of it"}},
    "results that are no arrays": lambda came: came | {"square": came["square"] | {"outputs": {"out": [1.0]}}},
    "results that are no dict": lambda came: came | {"square": came["square"] | {"outputs": np.ones(3)}},
    "too many results": lambda came: came | {"square": came["square"] | {"outputs": {str(i): np.array(1) for i in range(2000)}}},
    "inputs not told": lambda came: came | {"square": came["square"] | {"after": {}}},
    "long text": lambda came: came | {"square": came["square"] | {"detail": "x" * 10_000}},
    "text that is none": lambda came: came | {"square": came["square"] | {"error": 5}},
    "many lines": lambda came: came | {"square": came["square"] | {"warned": ["x"] * 1000}},
}


@pytest.mark.parametrize("lie", LIES)
def test_outcomes_that_run_cannot_make_are_not_believed(lie):
    one, came = outcomes("corr2d", WRONGLY)
    assert judging.believed(came, one.cases, one.exercise)
    with pytest.raises(judging.Malformed):
        judging.believed(LIES[lie](came), one.cases, one.exercise)


def WRONGLY(image, kernel):
    return image * 1


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_came_over_the_wire_is_the_checks_own(name):
    """For the right answer and every spelling of every known mistake of the exercise."""
    one = questions(name)[0]
    true = reference(one.exercise)
    for answer in (true.answer, *(a for mistake in true.mistakes for a in mistake.answers[:1])):
        first = [run(one.exercise, answer, cases) for cases in (one.cases, one.small)]
        came = [
            judging.believed(received(packed(outcome)), cases, one.exercise)
            for outcome, cases in zip(first, (one.cases, one.small))
        ]
        direct, over = (
            judge(one.exercise, true, one.cases, cases, one.small, small) for cases, small in (first, came)
        )
        assert str(direct) == str(over)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_exercise_comes_over_the_wire(kind):
    exercise, true = KINDS[kind]
    cases = exercise.inputs(np.random.default_rng(1))
    sent = received(judging.sent(cases))
    assert sent.keys() == cases.keys()
    for answer in (true.answer, true.mistakes[0].answers[0]):
        direct = run(exercise, answer, cases)
        came = judging.believed(received(packed(direct)), cases, exercise)
        reports = [judge(exercise, true, cases, outcome, {}, {}) for outcome in (direct, came)]
        assert str(reports[0]) == str(reports[1]) and reports[1].passed == (answer is true.answer)


# Reading code -------------------------------------------------------------------------------------

GIVEN = answers.given(PATH)


def own(*sources):
    return answers.own(sources, GIVEN, EXERCISES)


def test_given_cells_and_stubs_are_not_the_students_own():
    assert own(*(cell.source for cell in PLAIN.cells if cell.cell_type == "code")) == answers.Own([], frozenset(NAMES))


def test_white_space_and_newlines_do_not_make_a_given_cell_the_students_own():
    source = next(cell.source for cell in PLAIN.cells if cell.id == "setup")
    assert own(source.replace("\n", "   \n") + "\n\n").cells == []
    assert own(source + "\nx = 1").cells != []


def test_lines_stay_where_they_were():
    stub = next(cell.source for cell in PLAIN.cells if cell.id == "exercise-corr2d")
    found = own(f"a = 1\n{stub}\nb = 2")
    assert found.stubs == {"corr2d"} and "NotImplementedError" not in found.cells[0]
    assert found.cells[0].split("\n")[len(stub.split("\n")) + 1] == "b = 2"


def test_a_stub_of_another_function_or_with_code_in_it_is_run():
    mine = 'def corr2d(image, kernel):\n    x = 1\n    raise NotImplementedError("Lab 2: corr2d")'
    other = 'def helper(x):\n    raise NotImplementedError("later")'
    assert own(mine, other) == answers.Own([mine, other], frozenset())


def test_labkit_is_imported_by_the_setup_cell_alone():
    assert own(f"{IMPORTS_OF_SETUP}\nx = 1").cells == ["\nx = 1"]
    assert own("from labkit import examine").cells == ["from labkit import examine"]
    assert own(f"x = 1; {IMPORTS_OF_SETUP}").cells == [f"x = 1; {IMPORTS_OF_SETUP}"]


def test_so_many_magics_that_reading_them_takes_minutes_are_left_alone():
    begun = time.monotonic()
    many = "!ls\n" * 5000
    assert own(many).cells == [many]
    assert time.monotonic() - begun < 5


def test_grading_needs_torch_only_to_judge():
    code = "import sys, labkit.grading.batch; print('torch' in sys.modules, 'keras' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_command_needs_args_alone(submissions, tmp_path, capsys):
    from labkit.grading import grade_command

    args = Namespace(submissions=submissions, out=tmp_path / "out", course=HOUSE, labs=None, workers=2)
    assert grade_command(args) == 0 and threading.active_count() >= 1
    assert capsys.readouterr().out
