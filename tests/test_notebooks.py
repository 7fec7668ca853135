"""The notebooks of the course: their form, and what they do untouched."""

import re
from pathlib import Path

import nbclient
import pytest

import labkit
from labkit.books import notebook as books
from labkit.books import places, solve
from labkit.books.kernel import ThisKernel
from labkit.books.tidy import tidied

HOUSE = Path(__file__).resolve().parent.parent
NOTEBOOKS = places.notebooks(HOUSE)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def roles(path, role):
    """The cells of one role, by name, in order."""
    cells = books.read(path).cells
    return {cell.metadata.labkit[role]: cell for cell in cells if role in cell.metadata.get("labkit", {})}


# form -------------------------------------------------------------------------------------------


def test_every_lab_with_exercises_has_a_notebook():
    assert {places.lab_of(path) for path in NOTEBOOKS} >= {one.lab for one in labkit.exercises()}


@each_notebook
def test_a_notebook_is_tidy(path):
    assert path.read_text(encoding="utf-8") == books.text(tidied(path))


@each_notebook
def test_a_notebook_asks_for_all_of_its_lab_in_order_and_checks_each_at_once(path):
    asked = [one.name for one in labkit.exercises() if one.lab == places.lab_of(path)]
    ids = [cell.id for cell in books.read(path).cells]
    assert list(roles(path, "exercise")) == asked
    for name in asked:
        assert ids[ids.index(f"exercise-{name}") + 1] == f"check-{name}"


@each_notebook
def test_signatures_in_the_notebook_are_those_of_the_solutions(path):
    """The parameters that a stub names, with their defaults, are those of its solution; a class has them in __init__."""
    source, _ = places.solution_paths(HOUSE, path)
    solutions = solve.read_solutions(source).functions
    for name, cell in roles(path, "exercise").items():
        heads = [
            next(line for line in text.splitlines() if line.strip().startswith((f"def {name}(", "def __init__(")))
            for text in (cell.source, solutions[name])
        ]
        assert heads[0] == heads[1]


# untouched --------------------------------------------------------------------------------------


def test_an_untouched_notebook_runs_to_its_end(monkeypatch):
    """Run All as in JupyterLab: no cell raises, every check says not yet.

    For the lab with most exercises; test_one_wrong shows for all that nothing but their checks fails.
    """
    path = max(NOTEBOOKS, key=lambda path: len(roles(path, "exercise")))
    for name in ("LABKIT_STRICT", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(HOUSE))
    book = books.read(path)
    settings = {"kernel_manager_class": ThisKernel, "kernel_name": "python3"}
    nbclient.NotebookClient(book, **settings, resources={"metadata": {"path": path.parent}}).execute()
    checks = {cell.metadata.labkit.check: cell for cell in book.cells if cell.id.startswith("check-")}
    assert checks
    for name, cell in checks.items():
        assert cell.outputs[0].data["text/plain"].startswith(f"{name}: not yet")


# the first page ---------------------------------------------------------------------------------


def test_the_first_page_is_tidy_and_runs_to_its_end(tmp_path, monkeypatch):
    """It has no exercises, and shows hints, a report and the learner's progress."""
    path = HOUSE / "notebooks" / places.WELCOME
    assert path.read_text(encoding="utf-8") == books.text(tidied(path))
    monkeypatch.setenv("PYTHONPATH", str(HOUSE))
    book = books.read(path)
    settings = {"kernel_manager_class": ThisKernel, "kernel_name": "python3"}
    nbclient.NotebookClient(book, **settings, resources={"metadata": {"path": tmp_path}}).execute()
    shown = {cell.id: str(cell.outputs) for cell in book.cells if cell.cell_type == "code"}
    assert "relative_error is wrong in" in shown["a-wrong-answer"]
    assert all(lab in shown["your-progress"] for lab in {one.lab for one in labkit.exercises()})


def test_the_map_names_the_labs_that_are_there():
    """The first page says in bold which labs one can do now."""
    (table,) = [cell.source for cell in books.read(HOUSE / "notebooks" / places.WELCOME).cells if cell.id == "map"]
    bold = [f"lab{int(number):02}" for number in re.findall(r"^\| \*\*(\d+)\*\* \|", table, re.MULTILINE)]
    assert bold == [places.lab_of(path) for path in NOTEBOOKS]


def test_the_table_in_the_readme_says_what_the_labs_say():
    """Points from the exercises, minutes from the notebooks; a stretch exercise counts behind the plus."""
    text = (HOUSE / "README.md").read_text(encoding="utf-8")
    rows = {lab: row for lab, row in re.findall(r"^\| `(lab\d\d)` (.*) \|$", text, re.MULTILINE)}
    assert list(rows) == [places.lab_of(path) for path in NOTEBOOKS]
    for path in NOTEBOOKS:
        lab = places.lab_of(path)
        minutes = re.search(r"About (\d+) minutes in \w+ sittings", path.read_text(encoding="utf-8"))[1]
        mine = [one for one in labkit.exercises() if one.lab == lab]
        core, stretch = (sum(one.points for one in mine if one.core == kind) for kind in (True, False))
        assert rows[lab].split(" | ")[-2:] == [minutes, f"{core} + {stretch}" if stretch else str(core)]
