"""Notebooks as students hand them in: right, innocent and odd, hostile, broken."""

import copy
import json
import os
from dataclasses import dataclass
from pathlib import Path

import nbformat
from answers.lab02 import WRONG
from nbformat import NotebookNode
from test_one_wrong import answers_of

import labkit
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.notebook import read
from labkit.grading import wire

HOUSE = Path(__file__).resolve().parent.parent
PATH = places.notebook_of(HOUSE, "lab02")
PLAIN = read(PATH)
EXERCISES = [one for one in labkit.exercises() if one.lab == "lab02"]
NAMES = [one.name for one in EXERCISES]
POINTS = {one.name: one.points for one in EXERCISES}
RIGHT = answers_of("lab02")  # each stands alone, so that a mistake stays where it is
STUBS = {name: next(c.source for c in PLAIN.cells if c.id == f"exercise-{name}") for name in NAMES}
SETUP = next(cell.source for cell in PLAIN.cells if cell.id == "setup")
IMPORT_OF_SETUP = "from labkit import check, hint, reveal"

PAD = "np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)"


def book(answers=RIGHT, before=(), after=(), **changed) -> NotebookNode:
    """The course's notebook with `answers`, some `changed`, and code cells in front and behind."""
    grafted = put_answers(PLAIN, {**answers, **changed}, {})
    new = nbformat.v4.new_code_cell
    grafted.cells = [*map(new, before), *grafted.cells, *map(new, after)]
    return grafted


def later(*args, **keywords):
    """A notebook that is built when a test needs it."""
    return lambda: book(*args, **keywords)


def put(folder: Path, student: str, content: object, name: str = PATH.name) -> Path:
    """Write a notebook, or bytes or text in place of one, into a student's folder."""
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, (bytes, str)) else json.dumps(content)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def first_do(*lines: str, name: str = "corr2d", source: str | None = None) -> str:
    """An answer, right unless another is given, that does something else first."""
    head, rest = (source or RIGHT[name]).strip().split("\n", 1)
    return "\n".join([head, *(f"    {line}" for line in lines), rest])


# Innocent -----------------------------------------------------------------------------------------


def other_clothes():
    """Answers as a plain binding, a partial, a lambda, a class."""
    return book(
        output_size=RIGHT["output_size"].replace("def output_size", "def _size") + "\noutput_size = _size",
        same_padding="""
from functools import partial
def _half(by, kernel):
    if kernel % 2 == 0:
        raise ValueError
    return (kernel - 1) // by
same_padding = partial(_half, 2)""",
        zero_pad=f"zero_pad = lambda x, padding: {PAD}",
        conv1d_forward=RIGHT["conv1d_forward"]
        + """
_conv = conv1d_forward
class conv1d_forward:
    def __new__(cls, *args, **keywords):
        return _conv(*args, **keywords)""",
    )


def moved_cells():
    """Answers in other cells than their own, ids, tags and metadata swapped, check cells deleted."""
    mine = book({}, after=["\n\n".join(list(RIGHT.values())[:3]), "\n\n".join(list(RIGHT.values())[3:])])
    mine.cells = [cell for cell in mine.cells if not cell.id.startswith("check-")]
    exercises = [cell for cell in mine.cells if cell.id.startswith("exercise-")]
    for cell, other in zip(exercises, exercises[1:]):
        cell.metadata, cell.id = copy.deepcopy(other.metadata), other.id
    return mine


def crlf_without_ids():
    mine = book(after=["%matplotlib inline\nx = 1"])
    for cell in mine.cells:
        del cell["id"]
        cell.source = cell.source.replace("\n", "\r\n")
    return mine


def format_3():
    cells = [
        {"cell_type": cell.cell_type, "metadata": {}, "input" if cell.cell_type == "code" else "source": cell.source}
        for cell in book().cells
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}


def setup_edited():
    """An import and a function added below those of the first cell, and used."""
    mine = book(corr2d=first_do("adding([1, 2])", "itertools.chain()"))
    assert IMPORT_OF_SETUP in SETUP
    setup = next(cell for cell in mine.cells if cell.id == "setup")
    setup.source = SETUP.split("from labkit.data")[0] + "import itertools\ndef adding(values):\n    return sum(values)"
    return mine


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

OWN_CLASSES = """
import pickle, dataclasses, inspect
@dataclasses.dataclass
class Window:
    size: int = 1
def area(window):
    return window.size ** 2
assert pickle.loads(pickle.dumps(Window(3))) == Window(3)
assert "window.size" in inspect.getsource(area)
assert __name__ == "__main__" == Window.__module__
after_classes = True
"""

FAILING = ["1 / 0", "undefined", "def broken(:", "import sys\nsys.exit(3)", "exit()", "raise KeyboardInterrupt"]

INNOCENT = {
    "other clothes": other_clothes,
    "moved cells": moved_cells,
    "crlf, no ids": crlf_without_ids,
    "format 3": format_3,
    "setup cell edited": setup_edited,
    "plots": later(before=[PLOTS], corr2d=f"assert after_plots\n{RIGHT['corr2d']}"),
    "magics": later(before=[MAGICS, "%%bash\nrm -rf nothing"], corr2d=f"assert after_magics\n{RIGHT['corr2d']}"),
    "own classes": later(before=[OWN_CLASSES], corr2d=f"assert after_classes\n{RIGHT['corr2d']}"),
    "timed cell": later(corr2d=f"%%time\n{RIGHT['corr2d']}"),
    "magic below the answer": later(corr2d=f"{RIGHT['corr2d']}\n%timeit corr2d(np.eye(3), np.eye(2))\n!ls"),
    "input": later(before=["name = input('Who are you? ')"]),
    "cells that fail": later(before=FAILING),
    "cell that fails after defining": later(corr2d=f"{RIGHT['corr2d']}\nassert corr2d(np.eye(2), np.eye(1)) is None"),
    "second definition below": later(WRONG, after=list(RIGHT.values())),
    "stub copied below": later(after=list(STUBS.values())),
    "stub below in the same cell": later(corr2d=f"{RIGHT['corr2d']}\n\n{STUBS['corr2d']}"),
    "check redefined": later(before=["def check(f):\n    raise SystemExit", "hint = None"], after=["check(corr2d)"]),
    "warnings": later(corr2d=first_do("import warnings, sys", "warnings.warn('careful')", "print(1, file=sys.stderr)")),
    "prints": later(corr2d=first_do("print(image)")),
    "own function in another cell": later(
        before=["from __future__ import annotations\ndef mine(x: Array, padding: Whole):\n    return " + PAD],
        zero_pad="import numpy\ndef zero_pad(x, padding):\n    assert numpy is np and math.pi > 3\n"
        "    return mine(x, padding)",
    ),
    "calls an earlier exercise": later(same_padding=first_do("output_size(kernel, kernel)", name="same_padding")),
    "fortran order": later(zero_pad=f"def zero_pad(x, padding):\n    return np.asfortranarray({PAD})"),
    "read-only view": later(
        corr2d=RIGHT["corr2d"].replace("return out", "out.flags.writeable = False\n    return out[:]")
    ),
    "global random state": later(before=["np.random.seed(3)"], corr2d=first_do("np.random.rand()")),
}

# Hostile ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """A hostile notebook, the exercises it loses, and words that the gradebook's flags and the feedback hold."""

    build: object
    lost: frozenset[str] = frozenset({"corr2d"})
    flags: str = ""
    feedback: str = ""


def attack(*lines: str, flags: str = "", feedback: str = "", harmless: bool = False) -> Attack:
    """corr2d does `lines` first; it is lost unless they are harmless."""
    return Attack(later(corr2d=first_do(*lines)), frozenset() if harmless else frozenset({"corr2d"}), flags, feedback)


def cell_attack(cell: str, flags: str = "", wrong: bool = False) -> Attack:
    """The notebook begins with `cell`; nothing is lost but a wrong corr2d, if one is there."""
    answers = {**RIGHT, "corr2d": WRONG["corr2d"]} if wrong else RIGHT
    return Attack(later(answers, before=[cell]), frozenset({"corr2d"} if wrong else ()), flags)


def instead(source: str, flags: str = "", feedback: str = "") -> Attack:
    """`source` stands where corr2d belongs."""
    return Attack(later(corr2d=source), flags=flags, feedback=feedback)


LYING_SUBCLASS = """
class Lying(np.ndarray):
    def __array__(self, *args, **keywords): return np.ones((3, 3))
    def __eq__(self, other): return True
    def __array_ufunc__(self, *args, **keywords): return True
    def __array_function__(self, *args, **keywords): return True
    def tobytes(self, *args): return b""
    shape = (2, 2)
def corr2d(image, kernel):
    return np.zeros((1, 1)).view(Lying)
"""

LYING_OBJECT = """
class Lying:
    dtype, shape, ndim = np.dtype(float), (3, 3), 2
    def __eq__(self, other): return True
    def __array__(self, *args, **keywords): raise SystemExit
    def __str__(self): raise RuntimeError
def corr2d(image, kernel):
    return Lying()
"""

PATCHED_NUMPY = """
def yes(*args, **keywords):
    return True
np.allclose = np.array_equal = np.testing.assert_allclose = np.save = np.asarray = np.isfinite = np.equal = yes
"""

PATCHED_LIBRARY = """
import copy, json, os, struct, traceback
def yes(*args, **keywords):
    return True
traceback.extract_tb = copy.deepcopy = json.dumps = struct.pack = os.write = yes
"""

PATCHED_NDARRAY = """
import ctypes, gc
methods = gc.get_referents(np.ndarray.__dict__)[0]
methods["tobytes"] = lambda *args, **keywords: b""
ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))
assert np.ones(2).tobytes() == b""
"""

SWAPPED_LABKIT = """
import sys, types
sys.modules["labkit"] = sys.modules["labkit.checks"] = types.ModuleType("labkit")
def check(*args):
    return True
"""

LATER = """
import atexit, os, threading, time
atexit.register(lambda: os._exit(3))
threading.Thread(target=lambda: (time.sleep(60), os._exit(3)), daemon=False).start()
"""

WRITE_EVERYWHERE = [
    "import os",
    "for fd in range(3, 64):",
    "    try: os.write(fd, b'{}' * 500)",
    "    except OSError: pass",
]
FLOOD = f"""
import os
while True:
    for fd in range(3, 16):
        try: os.write(fd, {wire.encode({"at": [0, 0]})!r} * 100)
        except OSError: pass
"""
IGNORE_SIGNALS = ["import signal", "for one in (2, 14, 15): signal.signal(one, signal.SIG_IGN)"]
ENDLESS = "while True: pass"
NESTED = ["x = " + "(" * 5000 + ")" * 5000, "x = " + "-" * 100_000 + "1", "x = 1" + "+1" * 100_000]

HOSTILE = {
    # exhausting
    "endless loop": attack(ENDLESS, flags="corr2d: took longer than 3 s", feedback="took longer than 3 s"),
    "endless loop that ignores signals": attack(*IGNORE_SIGNALS, ENDLESS, flags="corr2d: took longer than 3 s"),
    "endless loop in a cell": Attack(
        later(corr2d=f"{RIGHT['corr2d']}\n{ENDLESS}\n"), frozenset(), "a cell took longer than 5 s"
    ),
    "ends the process": attack("import os; os._exit(0)", flags="corr2d: ended without an answer (exit status 0)"),
    "ends the process in a cell": cell_attack("import os\nos._exit(0)", "a cell ended the process (exit status 0)"),
    "segfault": attack("import ctypes; ctypes.string_at(0)", flags="corr2d: ended without an answer"),
    "segfault in a cell": cell_attack("import ctypes\nctypes.string_at(0)", "a cell ended the process"),
    "sys.exit": attack("import sys; sys.exit(0)", feedback="it raised SystemExit"),
    "raises what is no Exception": attack("raise KeyboardInterrupt", flags="raised KeyboardInterrupt"),
    "recursion": attack("return corr2d(image, kernel)", feedback="RecursionError"),
    "recursion without end": attack(
        "import sys; sys.setrecursionlimit(10**9)", "f = lambda: [f()]", "return f()"
    ),
    "memory": attack("return np.ones(10**12)", feedback="MemoryError"),
    "a result of 10 to the 13": attack("return np.broadcast_to(0.0, (10**7, 10**6))", feedback="cannot be read"),
    "a large result": attack("return np.zeros(10**7)", flags="larger than 64 MiB"),
    "print flood": attack("print('x' * 10**7)", harmless=True),
    "flood on the descriptors": attack(
        "import os", "for i in range(100): os.write(1 + i % 2, b'x' * 10**5)", harmless=True
    ),
    "removes its folder": attack(
        "import os", "try: os.rmdir(os.getcwd())", "except OSError: pass", harmless=True
    ),
    "threads that act later": cell_attack(LATER),
    "very many magics": cell_attack("!ls\n" * 5000),
    "deep nesting": Attack(later(before=NESTED), frozenset()),
    "surrogates and null bytes": Attack(later(before=["x = '\ud800'", "x = '\0'"]), frozenset()),
    # evading
    "imports torch": instead(f"import torch\n{RIGHT['corr2d']}", feedback="corr2d: not answered"),
    "imports torch inside": attack("import torch.nn.functional as F", feedback="ImportError: only NumPy here"),
    "imports labkit": instead("from labkit.references.lab02 import corr2d", feedback="corr2d: not answered"),
    # forging
    "patched numpy": cell_attack(PATCHED_NUMPY, wrong=True),
    "patched library": cell_attack(PATCHED_LIBRARY, wrong=True),
    "patched ndarray": cell_attack(PATCHED_NDARRAY, wrong=True),
    "swapped labkit": cell_attack(SWAPPED_LABKIT, wrong=True),
    "import hooks": cell_attack("import sys\nsys.meta_path.clear()", wrong=True),
    "lying subclass": instead(LYING_SUBCLASS, feedback="corr2d is wrong"),
    "lying object": instead(LYING_OBJECT),
    "error with a lying text": attack("class E(ValueError):", "    def __str__(self): return 1", "raise E"),
    "is a number": instead("corr2d = 5", feedback="not answered. Your cells leave something of type int"),
    "inputs changed": attack("image[...] = 1"),
    "nan": instead(RIGHT["corr2d"].replace("return out", "return out * np.nan")),
    "writes to every descriptor": attack(*WRITE_EVERYWHERE, flags="corr2d: gave no readable answer"),
    "writes to every descriptor in a cell": cell_attack("\n".join(WRITE_EVERYWHERE), "was left out"),
    "floods the channel in a cell": cell_attack(FLOOD, "a cell took longer than 5 s"),
    "closes every descriptor": attack("import os; os.closerange(0, 64)", flags="corr2d: ended without an answer"),
}
if os.name == "posix":
    HOSTILE |= {
        "kills its parent": attack(
            "import os; os.kill(os.getppid(), 9); os._exit(0)", flags="corr2d: ended without an answer"
        ),
        "kills its parent in a cell": cell_attack(
            "import os\nos.kill(os.getppid(), 9)\nos._exit(0)", "a cell ended the process"
        ),
        "leaves a process behind": attack(
            "import os, time", "if os.fork() == 0:", "    os.setsid(); time.sleep(8); os._exit(0)", harmless=True
        ),
    }
