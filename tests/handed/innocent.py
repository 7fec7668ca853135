"""Notebooks that are right, however odd they look: they get full points."""

import copy

from handed.making import IMPORT_OF_SETUP, PAD, RIGHT, SETUP, STUBS, WRONG, book, first_do, later


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

STAR = """
from math import *
from numpy import *
import numpy as xp
from numpy import pad as padded_by
after_star = pi > 3
"""

TYPED = """
from __future__ import annotations
from collections.abc import Sequence
from typing import TypeVar
import numpy.typing as npt
Images = npt.NDArray[np.float64]
T = TypeVar("T", float, int)
def zero_pad(x: Images, padding: int) -> Images:
    rows: Sequence[tuple[int, int]] = [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2
    return np.pad(x, rows)
"""

CLOSURE = """
def made(width):
    calls = 0
    def pad(x, padding):
        nonlocal calls
        calls += 1
        return np.pad(x, [(0, 0)] * (x.ndim - width) + [(padding, padding)] * width)
    return pad
zero_pad = made(2)
"""


WIDGETS = """
import ipywidgets as widgets
from ipywidgets import IntSlider, VBox, interactive
slider = IntSlider(value=3, min=1, max=9, description="size")
slider.observe(lambda change: print(change["new"]), names="value")
box = VBox([slider, widgets.Output()])
with box.children[1]:
    print("shown in a widget")
display(interactive(lambda size: size, size=slider), box)
after_widgets = True
"""


def out_of_order():
    """The helper stands below the answer that calls it, and the cells were run in another order."""
    mine = book(zero_pad="def zero_pad(x, padding):\n    return helper(x, padding)", after=[f"def helper(x, padding):\n    return {PAD}"])
    code = [cell for cell in mine.cells if cell.cell_type == "code"]
    for count, cell in zip(range(len(code), 0, -1), code):
        cell.execution_count = count
    return mine


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
    "stars and aliases": later(
        before=[STAR],
        zero_pad="def zero_pad(x, padding):\n    assert after_star and padded_by is xp.pad\n    return " + PAD.replace("np.", "xp."),
    ),
    "type hints": later(zero_pad=TYPED),
    "closures": later(zero_pad=CLOSURE),
    "widgets": later(before=[WIDGETS], corr2d=f"assert after_widgets\n{RIGHT['corr2d']}"),
    "cells out of order": out_of_order,
    "global random state": later(before=["np.random.seed(3)"], corr2d=first_do("np.random.rand()")),
}
