"""Which cells of a notebook are the student's own, and what of them is to be run."""

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labkit.asked import Exercise
from labkit.books.notebook import exercise_of, read, stub_marker

KEEPS_ITS_BODY = re.compile(r"\s*%%(time|capture|prun)\b[^\n]*")
MAGIC = re.compile(r"^[ \t]*[%!?]|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
MOST_MAGIC = 500_000  # lines that look like magics times characters: IPython reads the cell anew for each


@dataclass(frozen=True)
class Given:
    """What a lab's notebook gives: the code cells that are no exercise, and its imports of labkit."""

    sources: frozenset[str]
    imports: frozenset[str]


@dataclass(frozen=True)
class Own:
    """A student's own code.

    cells  what is run, from the top; lines stand where they stood in the cell
    stubs  exercises of which the untouched stub is there
    """

    cells: list[str]
    stubs: frozenset[str]


def given(path: Path) -> Given:
    """What the course's notebook at `path` gives. Raises CommandError if it cannot be read."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code" and not exercise_of(cell)]
    imports = {
        ast.dump(node) for cell in cells if (tree := parsed(cell.source)) for node in tree.body if of_labkit(node)
    }
    return Given(frozenset(plain(cell.source) for cell in cells), frozenset(imports))


def plain(source: str) -> str:
    """A source for comparison: white space at the ends of lines and of the whole does not count."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip("\n")


def own(sources: Iterable[str], given: Given, exercises: Iterable[Exercise]) -> Own:
    """The student's own cells among `sources`: those that are neither given nor an untouched stub.

    Metadata, ids and tags are not looked at. Magics are made into Python, which is text work.
    """
    names = {exercise.name for exercise in exercises}
    cells, stubs, budget = [], set(), MOST_MAGIC
    for source in sources:
        if not source.strip() or plain(source) in given.sources:
            continue
        cost = len(MAGIC.findall(source)) * len(source)
        if 0 < cost <= budget:
            budget -= cost
            source = without_magics(source)
        source, found = without_given(source, given, names)
        stubs |= found
        if source.strip():
            cells.append(source)
    return Own(cells, frozenset(stubs))


def without_magics(source: str) -> str:
    """The cell as IPython would hand it to Python; as it was where IPython cannot read it."""
    from IPython.core.inputtransformer2 import TransformerManager

    if first := KEEPS_ITS_BODY.match(source):
        source = "\n" * first[0].count("\n") + source[first.end() :]
    try:
        return TransformerManager().transform_cell(source)
    except (SyntaxError, ValueError, RecursionError, RuntimeError):
        return source


def without_given(source: str, given: Given, names: set[str]) -> tuple[str, set[str]]:
    """The cell with untouched stubs and the notebook's own imports of labkit blanked, and the stubs' names."""
    tree = parsed(source)
    if tree is None:
        return source, set()
    lines, stubs = source.split("\n"), set()
    for node in tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
        segment = lines[first : node.end_lineno]
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in names:
            if not is_stub("\n".join(segment)):
                continue
            stubs.add(node.name)
        elif not (of_labkit(node) and ast.dump(node) in given.imports and alone(node, tree)):
            continue
        lines[first : node.end_lineno] = [""] * len(segment)
    return "\n".join(lines), stubs


def is_stub(definition: str) -> bool:
    """Whether a definition is an untouched stub: a docstring and the NotImplementedError."""
    try:
        marker = stub_marker(definition)
    except (ValueError, RecursionError, MemoryError):
        return False
    return marker is not None and marker[2]


def parsed(source: str) -> ast.Module | None:
    """The syntax tree, None where it is no Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on a student's spelling
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def of_labkit(node: ast.stmt) -> bool:
    """Whether a statement imports labkit or something of it."""
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and (node.module or "").partition(".")[0] == "labkit"
    return isinstance(node, ast.Import) and all(a.name.partition(".")[0] == "labkit" for a in node.names)


def alone(node: ast.stmt, tree: ast.Module) -> bool:
    """Whether no other statement shares a line with `node`."""
    return all(
        other is node or other.end_lineno < node.lineno or other.lineno > node.end_lineno for other in tree.body
    )


def answered(cells: Iterable[str], exercises: Iterable[Exercise]) -> int:
    """How many exercises the text of the cells seems to define."""
    code = "\n".join(cells)
    return sum(
        bool(re.search(rf"^(def|class)[ \t]+{one.name}\b|^{one.name}[ \t]*=", code, re.MULTILINE)) for one in exercises
    )
