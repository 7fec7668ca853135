"""Notebooks whose cells, outputs, ids and metadata were edited: nothing is won by it, and nothing lost."""

import copy

import nbformat

from handed.making import PLAIN, RIGHT, WRONG, Attack, attack, book, first_do, instead, later

WITH_ONE_WRONG = {**RIGHT, "corr2d": WRONG["corr2d"]}
SAYS_RIGHT = "corr2d is right: it passes all 9 cases, as torch does. 3 of 3 points."


def wrong_book():
    return book(WITH_ONE_WRONG)


def code(mine):
    return [cell for cell in mine.cells if cell.cell_type == "code"]


def checks(mine):
    return [cell for cell in mine.cells if cell.id.startswith("check-")]


def outputs_edited():
    mine = wrong_book()
    for cell in code(mine):
        cell.execution_count = 1
        cell.outputs = [nbformat.v4.new_output("stream", text=SAYS_RIGHT)]
        html = f"<script>alert('outputs')</script><b>{SAYS_RIGHT}</b>"
        cell.outputs.append(nbformat.v4.new_output("display_data", {"text/html": html, "application/javascript": "0"}))
    return mine


def outputs_cleared():
    mine = wrong_book()
    for cell in code(mine):
        cell.execution_count, cell.outputs = None, []
    return mine


def checks_edited():
    mine = wrong_book()
    for cell in checks(mine):
        cell.source = f"print({SAYS_RIGHT!r})"
    return mine


def checks_deleted():
    mine = wrong_book()
    mine.cells = [cell for cell in mine.cells if cell not in checks(mine)]
    return mine


def checks_made_text():
    mine = wrong_book()
    for cell in checks(mine):
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]
    return mine


def checks_first():
    mine = wrong_book()
    mine.cells = [*checks(mine), *(cell for cell in mine.cells if cell not in checks(mine))]
    return mine


def metadata_edited():
    mine = wrong_book()
    mine.metadata["labkit"] = {**mine.metadata.get("labkit", {}), "points": 1000, "graded": True}
    for cell in mine.cells:
        cell.metadata["labkit"] = {**cell.metadata.get("labkit", {}), "points": 1000, "state": "right"}
        cell.metadata["tags"] = ["nbval-skip", "nbval-ignore-output", "raises-exception"]
    return mine


def bonus_exercise():
    mine = wrong_book()
    extra = copy.deepcopy(next(cell for cell in mine.cells if cell.id == "exercise-zero_pad"))
    extra.id, extra.source = "exercise-bonus", "def bonus():\n    return 100"
    extra.metadata["labkit"] = {"exercise": "bonus", "points": 100}
    mine.cells.append(extra)
    return mine


def with_ids(change):
    """A notebook whose exercise cells' ids and metadata went through `change`."""

    def build():
        mine = wrong_book()
        exercises = [cell for cell in mine.cells if cell.id.startswith("exercise-")]
        change(exercises)
        return mine

    return build


def removed(cells):
    for number, cell in enumerate(cells):
        cell.id, cell.metadata = f"cell-{number}", {}


def doubled(cells):
    for cell in cells:
        cell.id, cell.metadata = cells[0].id, copy.deepcopy(cells[0].metadata)


def swapped(cells):
    first = [(cell.id, cell.metadata) for cell in cells]
    for cell, (id, metadata) in zip(cells, reversed(first)):
        cell.id, cell.metadata = id, metadata


def moved_sources():
    """The sources of corr2d and zero_pad stand in each other's cells."""
    mine = wrong_book()
    one, other = (next(c for c in mine.cells if c.id == f"exercise-{name}") for name in ("corr2d", "zero_pad"))
    one.source, other.source = other.source, one.source
    return mine


EDITING = {
    "stored outputs edited": Attack(outputs_edited, never="<script>alert('outputs')"),
    "stored outputs cleared": Attack(outputs_cleared),
    "check cells edited": Attack(checks_edited),
    "check cells deleted": Attack(checks_deleted),
    "check cells made text": Attack(checks_made_text),
    "check cells moved to the top": Attack(checks_first),
    "points, tags and metadata edited": Attack(metadata_edited),
    "an exercise of its own for 100 points": Attack(bonus_exercise),
    "exercise ids removed": Attack(with_ids(removed)),
    "exercise ids doubled": Attack(with_ids(doubled)),
    "exercise ids swapped": Attack(with_ids(swapped)),
    "answers in each other's cells": Attack(moved_sources),
    "a second definition, right": Attack(later(WITH_ONE_WRONG, after=[RIGHT["corr2d"]]), frozenset()),
    "a second definition, wrong": Attack(later(after=[WRONG["corr2d"]])),
    "a right answer as text": Attack(
        lambda: {**wrong_book(), "cells": [*wrong_book().cells, nbformat.v4.new_markdown_cell(RIGHT["corr2d"])]}
    ),
}

FORMULA = '=HYPERLINK("http://example.org","click")'
SCRIPT = "<script>alert('printed')</script>"

TOLD_WELL = {
    "inputs changed": attack("image[...] = 1"),
    "inputs changed after all": attack(
        "out = np.zeros((image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1), image.dtype)",
        "kernel *= 1.5",
    ),
    "nan": instead(RIGHT["corr2d"].replace("return out", "return out * np.nan"), feedback="nan"),
    "wrong dtype": instead(RIGHT["corr2d"].replace("return out", "return out.astype(np.float16)"), feedback="float16"),
    "wrong shape": instead(RIGHT["corr2d"].replace("return out", "return out[None]"), feedback="shape"),
    "html and scripts": Attack(
        later(corr2d=first_do(f"print({SCRIPT!r})", f"raise ValueError({SCRIPT!r})")), never=SCRIPT
    ),
    "a formula": attack(f"raise RuntimeError({FORMULA!r})"),
    "a cell that is a formula": Attack(later(before=[FORMULA, f"def broken():\n    return 1\n{FORMULA}"]), frozenset()),
    "np deleted at the end": Attack(
        later(after=["del np"]), frozenset(name for name, source in RIGHT.items() if "np." in source)
    ),
    "names the answer is given by": Attack(
        later(corr2d="import math as corr2d"), feedback="corr2d: not answered. Your cells leave something of type module"
    ),
    "deletes its answer": Attack(later(after=["del corr2d"]), feedback="corr2d: not answered"),
}
