"""Read a stranger's file: a .py, or the code cells of an .ipynb. Nothing is run here."""

import ast
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import CommandError
from labkit.grading import answers, intake
from labkit.grading.texts import safe
from labkit.grading.limits import MOST_CODE

NOTHING_GIVEN = answers.Given(frozenset(), frozenset())


@dataclass(frozen=True)
class Piece:
    """A code cell, counted from 1, or a whole .py file, which is piece 0."""

    number: int
    text: str
    tree: ast.Module


def read(path: Path) -> tuple[list[Piece], int]:
    """The Python in the file at `path`, and how many code cells are none. Raises CommandError."""
    if path.suffix.lower() not in (".py", ".ipynb"):
        raise CommandError(f"{path} is neither a .py nor an .ipynb file. Name one of those.")
    if not path.is_file():
        raise CommandError(f"{path} {'is no file' if path.exists() else 'does not exist'}.")
    return read_notebook(path) if path.suffix.lower() == ".ipynb" else (read_python(path), 0)


def read_python(path: Path) -> list[Piece]:
    """A .py file, in the encoding it names."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_CODE + 1)
        require_size(path, len(raw))
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = io.TextIOWrapper(io.BytesIO(raw), encoding).read()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (SyntaxError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is no Python: its encoding is not what it says ({safe(str(error), '')}).") from None
    tree = answers.parsed(text)
    if tree is None:
        raise CommandError(f"{path} is no Python 3 ({trouble(text)}). Mend that first.")
    return [Piece(0, text, tree)]


def trouble(text: str) -> str:
    """Why a text is no Python."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {safe(error.msg, '')}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return "it is nested too deeply"


def read_notebook(path: Path) -> tuple[list[Piece], int]:
    """The code cells of a notebook that are Python, and how many are not."""
    try:
        book = intake.read_book(intake.upload(path.resolve()))
    except intake.Unreadable as reason:
        raise CommandError(f"{path} {reason}.") from None
    require_size(path, sum(map(len, book.sources)))
    pieces, no_python = [], book.damaged
    for number, source in enumerate(book.sources, 1):
        text = without_magics(source)
        tree = answers.parsed(text)
        if tree is None:
            no_python += 1
        elif tree.body:
            pieces.append(Piece(number, text, tree))
    if not pieces:
        why = f"none of its {no_python} code cells is Python 3" if no_python else "there is no code in it"
        raise CommandError(f"{path} holds nothing to look at: {why}.")
    return pieces, no_python


def without_magics(source: str) -> str:
    """A cell as Python, its lines where they were: IPython drops empty lines at the top."""
    text = "".join(answers.own([source], NOTHING_GIVEN, ()).cells)
    dropped = source.rstrip("\n").count("\n") - text.rstrip("\n").count("\n")
    return "\n" * dropped + text if text else ""


def require_size(path: Path, size: int) -> None:
    if size > MOST_CODE:
        raise CommandError(f"{path} holds more than {MOST_CODE} characters of code. Split it.")
