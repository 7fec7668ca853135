"""Small notebooks and a small course, built anew for each test of the mechanics."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labkit.books import notebook as books
from labkit.books.tidy import tidy

STUB = 'def {name}({args}):\n    """What it does."""\n    raise NotImplementedError("Lab 2: {name}")'
ARGS = {"output_size": "size, kernel, stride=1, padding=0", "zero_pad": "x, padding", "same_padding": "kernel"}

SOLUTIONS = '''\
"""Model answers."""

import numpy as np

# Zeros all round.
# Only on the last two axes.
def zero_pad(x, padding):
    """What it does."""
    frame = [(padding, padding), (padding, padding)]
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + frame)


def output_size(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("the kernel does not fit")
    return (size + 2 * padding - kernel) // stride + 1


ANSWERS = {
    "lab02-prediction": """
The frame is made of zeros, and a frame of width one adds two rows and two columns to every image.
"""
}
'''


def stub(name: str) -> str:
    return STUB.format(name=name, args=ARGS[name])


def code(source: str, **extra) -> NotebookNode:
    """A code cell as JupyterLab saves it: a made-up id, `extra` as metadata."""
    return nbformat.v4.new_code_cell(source, metadata=extra)


def prose(source: str, **extra) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata=extra)


def notebook(*cells: NotebookNode) -> NotebookNode:
    """A notebook as JupyterLab saves it."""
    return nbformat.v4.new_notebook(cells=list(cells))


def by_id(book: NotebookNode, cell_id: str) -> NotebookNode:
    return next(cell for cell in book.cells if cell.id == cell_id)


def small_notebook(checks: bool = False) -> NotebookNode:
    """Two exercises, a question, and two cells that show something; with check cells if asked for."""
    checked = {name: [code(f"check({name})")] * checks for name in ("zero_pad", "output_size")}
    return tidy(
        notebook(
            prose("# A small lab"),
            code("import numpy as np" + "\nfrom labkit import check" * checks),
            code(stub("zero_pad")),
            *checked["zero_pad"],
            code(stub("output_size")),
            *checked["output_size"],
            prose("*Write here.*", labkit={"answer": "lab02-prediction"}),
            code("import os\nprint(os.path.basename(os.getcwd()))"),
            code("print(6 * 7)"),
        ),
        "lab02",
    )


def make_course(root: Path, notebook: NotebookNode | None = None, solutions: str = SOLUTIONS) -> Path:
    """A whole course in the folder `root`: one lab, its solutions, and the files a bundle needs."""
    for folder in ("labkit", "notebooks", "solutions", "docs"):
        (root / folder).mkdir(parents=True)
    (root / "labkit" / "__init__.py").write_text('"""A small package."""\n')
    for name in ("course.py", "Makefile", "pyproject.toml", "constraints.txt", "environment.yml", "LICENSE"):
        (root / name).write_text(f"# {name}\n")
    (root / "docs" / "README-student.md").write_text("# For students\n")
    (root / "solutions" / "lab02_small.py").write_text(solutions)
    books.write(root / "notebooks" / "lab02_small.ipynb", notebook or small_notebook())
    return root
