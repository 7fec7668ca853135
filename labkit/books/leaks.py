"""Look for solutions where none may be: the same code under any name, or the same words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from labkit.books.notebook import read, without_docstring
from labkit.books.solutions import Solutions
from labkit.errors import CommandError

LONG_ENOUGH = 60  # characters in a paragraph of a model answer that cannot be there by chance


def leaks(folder: Path, solutions: Solutions) -> list[str]:
    """Sentences on every file under `folder` that holds a solution; empty if none does.

    Compared are: each function in a .py file or a code cell, as a syntax tree with names, types and
    docstrings set aside; the text of function bodies of more than one line, in any file; and the
    paragraphs of prose answers.
    """
    sources = solutions.functions.items()
    trees = {shape(function): name for name, source in sources for function in functions(source)}
    bodies = {body: name for name, source in sources for body in plain_bodies(source) if "\n" in body}
    prose = {
        name: [squeezed(part) for part in answer.split("\n\n") if len(squeezed(part)) >= LONG_ENOUGH]
        or [squeezed(answer)]
        for name, answer in solutions.answers.items()
    }
    told = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        where = path.relative_to(folder)
        codes, whole = contents(path)
        for name in sorted({trees[s] for code in codes for f in functions(code) if (s := shape(f)) in trees}):
            told.append(f"{where} holds the solution of {name}.")
        lines, words = plain_lines(whole), squeezed(whole)
        told += [f"{where} holds the text of the solution of {name}." for body, name in bodies.items() if body in lines]
        told += [f"{where} holds the model answer {name}." for name in prose if any(p in words for p in prose[name])]
    return told


def contents(path: Path) -> tuple[list[str], str]:
    """The code in a file, piece by piece, and all its text; nothing for a file that is no text."""
    if path.suffix == ".ipynb":
        cells = read(path).cells
        return [c.source for c in cells if c.cell_type == "code"], "\n\n".join(c.source for c in cells)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return [], ""
    return ([text] if path.suffix == ".py" else []), text


def functions(source: str) -> Iterator[ast.FunctionDef]:
    """Every function in a piece of code, methods and inner ones too; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def shape(function: ast.FunctionDef) -> str:
    """What a function does, as text: names of variables by order of appearance, no types, no docstring.

    Two functions that differ only in how they name their own things have the same shape.
    """
    bound = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    bound |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    order: dict[str, str] = {}

    def renamed(name: str) -> str:
        return order.setdefault(name, f"v{len(order)}") if name in bound else name

    body = ast.parse(ast.unparse(ast.Module(without_docstring(function.body) or [ast.Pass()], [])))
    named = [renamed(arg.arg) for arg in arguments(function)]
    for node in ast.walk(body):
        if isinstance(node, ast.Name):
            node.id = renamed(node.id)
        elif isinstance(node, ast.arg):
            node.arg, node.annotation = renamed(node.arg), None
    return f"{', '.join(named)}: {ast.dump(body)}"


def arguments(function: ast.FunctionDef) -> list[ast.arg]:
    a = function.args
    return [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs]


def plain_bodies(source: str) -> Iterator[str]:
    """The text of the body of each function in a piece of code, docstring and comments left out."""
    lines = source.splitlines()
    for function in functions(source):
        if body := without_docstring(function.body):
            yield plain_lines("\n".join(lines[body[0].lineno - 1 : function.end_lineno]))


def plain_lines(text: str) -> str:
    """A text line by line, without indentation, blank lines and comments."""
    stripped = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in stripped if line and not line.startswith("#"))


def squeezed(text: str) -> str:
    """A text with every run of spaces, line ends and Markdown quote marks as one space."""
    return re.sub(r"[\s>*_`]+", " ", text).strip()


def require_no_leak(folder: Path, solutions: Solutions) -> None:
    """Raise CommandError that lists every leak, if there is one."""
    if told := leaks(folder, solutions):
        raise CommandError("The bundle would give solutions away. Nothing was written.\n" + "\n".join(told))
