"""Make and prove the executed reference notebooks: notebook + solutions, run where they are kept."""

import asyncio
import copy
import itertools
import subprocess
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.kernel import ThisKernel, environment
from labkit.books.notebook import answer_of, exercise_of, read, write
from labkit.books.solutions import Solutions, read_solutions

WIDGET = "application/vnd.jupyter.widget-view+json"
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


class SolveError(Exception):
    """A reference notebook cannot be made. Its text says which cell and why."""


def assembled(notebook: NotebookNode, solutions: Solutions) -> NotebookNode:
    """The notebook with all its solutions in it. Raises SolveError unless the two fit exactly."""
    exercises = {exercise_of(cell) for cell in notebook.cells if cell.cell_type == "code"} - {None}
    questions = {answer_of(cell) for cell in notebook.cells if cell.cell_type == "markdown"} - {None}
    problems = [
        told.format(", ".join(sorted(names)))
        for told, names in (
            ("no solution for {}", exercises - solutions.functions.keys()),
            ("the notebook does not ask for {}", solutions.functions.keys() - exercises),
            ("no model answer for {}", questions - solutions.answers.keys()),
            ("the notebook has no question {}", solutions.answers.keys() - questions),
        )
        if names
    ]
    if problems:
        raise SolveError("; ".join(problems) + ".")
    return put_answers(notebook, solutions.functions, solutions.answers)


def solve(root: Path, notebook: Path, seconds_per_cell: int = 120) -> list[str]:
    """Write the executed reference of a notebook. Returns what is wrong; then nothing was written."""
    source, target = places.solution_paths(root, notebook)
    try:
        plain = assembled(read(notebook), read_solutions(source))
        done = execute(plain, target.parent, seconds_per_cell)
    except SolveError as error:
        return [str(error)]
    write(target, slim(done, plain))
    return []


def stray_solutions(root: Path) -> list[Path]:
    """Files in solutions/ that belong to no notebook."""
    stems = {path.stem for path in places.notebooks(root)}
    return [path for path in sorted((root / "solutions").glob("lab*")) if path.stem not in stems]


def execute(notebook: NotebookNode, folder: Path, seconds_per_cell: int) -> NotebookNode:
    """Run a copy of `notebook` from the top in `folder`. Raises SolveError at the first cell that fails."""
    running = copy.deepcopy(notebook)
    client = NotebookClient(
        running,
        kernel_manager_class=ThisKernel,
        kernel_name="python3",
        timeout=seconds_per_cell,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    place: list[str] = []
    client.on_cell_start = lambda cell, cell_index: place.append(described(running.cells, cell_index))
    try:
        run_aside(client.async_execute(env=environment(), stderr=subprocess.DEVNULL))
    except CellExecutionError as error:
        raise SolveError(f"{place[-1]} raised {error.ename}: {error.evalue}") from None
    except CellTimeoutError:
        raise SolveError(f"{place[-1]} took longer than {seconds_per_cell} s.") from None
    except DeadKernelError:
        where = place[-1] if place else "the first cell"
        raise SolveError(f"the kernel died in {where}.") from None
    return running


def run_aside(work: Coroutine) -> None:
    """Run `work` in a thread of its own, and cancel it at Ctrl-C.

    In the main thread nbclient takes Ctrl-C for itself and goes on with a kernel it has shut down.
    """
    running = []

    async def noted() -> None:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        await work

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, noted())
        try:
            future.result()
        except KeyboardInterrupt:
            for loop, task in running:
                loop.call_soon_threadsafe(task.cancel)
            raise


def described(cells: list[NotebookNode], index: int) -> str:
    """Where a cell is, in words: its id, and the exercise it belongs to or follows."""
    told = f"cell {cells[index].get('id', index + 1)}"
    before = [name for cell in cells[: index + 1] if (name := exercise_of(cell))]
    if exercise_of(cells[index]) or not before:
        return told
    return f"{told} (after exercise {before[-1]})"


def slim(executed: NotebookNode, plain: NotebookNode) -> NotebookNode:
    """The executed notebook with the plain one's metadata, without widgets where an image stands beside.

    A widget's state is not kept, so its view would be an empty box.
    """
    done = copy.deepcopy(executed)
    done.metadata = copy.deepcopy(plain.metadata)
    for cell, was in zip(done.cells, plain.cells):
        cell.metadata = copy.deepcopy(was.metadata)
        if any(is_drawn(output) for output in cell.get("outputs", [])):
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {}) or is_drawn(o)]
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)
    return done


def is_drawn(output: NotebookNode) -> bool:
    """Whether an output holds an image."""
    return any(kind in output.get("data", {}) for kind in IMAGES)


def differences(root: Path, notebook: Path) -> list[str]:
    """What keeps the committed reference from being exactly notebook + solutions, by source alone.

    An empty list means that it is. Nothing is run.
    """
    source, target = places.solution_paths(root, notebook)
    try:
        plain = assembled(read(notebook), read_solutions(source))
    except SolveError as error:
        return [str(error)]
    if not target.exists():
        return ["there is no reference notebook yet."]
    kept = read(target)
    problems = [] if kept.metadata == plain.metadata else ["the notebook's metadata differ."]
    for index, (cell, expected) in enumerate(itertools.zip_longest(kept.cells, plain.cells)):
        if cell is None or expected is None:
            problems.append(f"the reference has {len(kept.cells)} cells, expected {len(plain.cells)}.")
            break
        if problem := cell_problem(cell, expected):
            problems.append(f"{described(plain.cells, index)}: {problem}")
    return problems


def cell_problem(cell: NotebookNode, expected: NotebookNode) -> str:
    """What is wrong with one cell of a reference; empty if nothing is."""
    for part in ("cell_type", "id", "source", "metadata", "attachments"):
        if cell.get(part) != expected.get(part):
            return f"its {part.replace('_', ' ')} differs from notebook + solutions."
    if cell.cell_type != "code":
        return ""
    if cell.execution_count is None:
        return "it was not run."
    if any(output.output_type == "error" for output in cell.outputs):
        return "its saved output is an error."
    return ""
