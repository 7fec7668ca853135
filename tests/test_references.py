"""The references of the labs under nbval: the same outputs on every machine, and a changed one is seen."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbval_runs import SIDE_BY_SIDE, failed_cells, nbval

from labkit.books import notebook as books
from labkit.books import places, solve

HOUSE = Path(__file__).resolve().parent.parent
NOTEBOOKS = places.notebooks(HOUSE)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

LARGEST = 2_000_000  # bytes of a reference notebook



@each_notebook
def test_a_reference_is_notebook_and_solutions_and_not_large(path):
    assert solve.differences(HOUSE, path) == []
    assert places.solution_paths(HOUSE, path)[1].stat().st_size < LARGEST


def test_no_solution_is_without_a_notebook():
    assert solve.stray_solutions(HOUSE) == []


KERNELS = {"this machine's BLAS kernel": {}, "another one": {"OPENBLAS_CORETYPE": "Haswell"}}


@pytest.mark.parametrize("settings", KERNELS.values(), ids=KERNELS)
def test_references_give_the_same_outputs(settings):
    """The command of the README, as a person would give it in the course folder, two notebooks at a time."""
    words = "-m pytest --nbval --nbval-current-env --nbval-cell-timeout 120 -p no:cacheprovider -q solutions/".split()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LABKIT", "PYTEST"))}
    env |= {"PYTHONPATH": str(HOUSE), **settings}
    done = subprocess.run([sys.executable, *words, *SIDE_BY_SIDE], cwd=HOUSE, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    cells = sum(
        cell.cell_type == "code"
        for path in NOTEBOOKS
        for cell in books.read(places.solution_paths(HOUSE, path)[1]).cells
    )
    assert f"{cells} passed" in done.stdout


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """By notebook: the cells whose outputs were changed in its reference, and those that fail under nbval."""
    folder, touched = tmp_path_factory.mktemp("changed"), {}
    for path in NOTEBOOKS:
        book = books.read(places.solution_paths(HOUSE, path)[1])
        printed = next(cell for cell in book.cells if cell.get("outputs") and "text" in cell.outputs[0])
        report = next(cell for cell in book.cells if cell.id.startswith("check-"))
        last = max(book.cells.index(printed), book.cells.index(report))
        book.cells = book.cells[: last + 1]
        printed.outputs[0].text += "1"
        report.outputs[0].data["text/plain"] = report.outputs[0].data["text/plain"].replace("all", "most")
        nbformat.write(book, folder / path.name)
        touched[path.stem] = {printed.id, report.id}
    return touched, failed_cells(nbval(folder, "--nbval", *SIDE_BY_SIDE))


@each_notebook
def test_the_comparison_is_alive(path, changed):
    """One changed output, one changed report: exactly these cells fail."""
    touched, failed = changed
    assert failed[path.stem] == touched[path.stem]
