"""The references of the labs under nbval: the same outputs on every machine, and a changed one is seen."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbval_runs import failed_cells, nbval, plain_environment

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


def test_the_command_of_the_readme_finds_the_same_outputs():
    """As a person would give it in the course folder, on this machine's BLAS kernel; here for one lab.

    All outputs were written on one BLAS kernel, and are compared on another below.
    """
    path = places.solution_paths(HOUSE, NOTEBOOKS[3])[1]
    words = "-m pytest --nbval --nbval-current-env --nbval-cell-timeout 120 -p no:cacheprovider -q".split()
    done = subprocess.run(
        [sys.executable, *words, path], cwd=HOUSE, env=plain_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(code_cells(path))} passed" in done.stdout


def code_cells(path: Path) -> list:
    return [cell for cell in books.read(path).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def another_kernel(tmp_path_factory):
    """By notebook: the cells that passed and those that failed under nbval, on another BLAS kernel than this machine's.

    Two cells of each reference are there once more, right after themselves, with another output than theirs.
    """
    folder = tmp_path_factory.mktemp("another-kernel")
    for path in NOTEBOOKS:
        book = books.read(places.solution_paths(HOUSE, path)[1])
        printed = next(cell for cell in book.cells if cell.get("outputs") and "text" in cell.outputs[0])
        report = next(cell for cell in book.cells if cell.id.startswith("check-"))
        printed, report = (put_once_more(book, cell) for cell in (printed, report))
        printed.outputs[0].text += "1"
        report.outputs[0].data["text/plain"] = report.outputs[0].data["text/plain"].replace("all", "most")
        nbformat.write(book, folder / path.name)
    lines = nbval(folder, "--nbval", OPENBLAS_CORETYPE="Haswell")
    passed = {path.stem: set() for path in NOTEBOOKS}
    for line in lines:
        if line["outcome"] == "passed":
            passed[Path(line["notebook"]).stem].add(line["cell"])
    return passed, failed_cells(lines)


def put_once_more(book, cell):
    """A copy of a cell, put right after it."""
    copy = nbformat.from_dict({**cell, "id": f"changed-{cell.id}"})
    book.cells.insert(book.cells.index(cell) + 1, copy)
    return copy


@each_notebook
def test_another_blas_kernel_gives_the_same_outputs_and_changed_ones_are_seen(path, another_kernel):
    """One changed output, one changed report: exactly these cells fail, so the comparison is alive."""
    passed, failed = another_kernel
    cells = code_cells(places.solution_paths(HOUSE, path)[1])
    assert passed[path.stem] == {cell.id for cell in cells}
    assert len(failed[path.stem]) == 2 and all(cell.startswith("changed-") for cell in failed[path.stem])
