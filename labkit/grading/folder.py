"""The grading folder: the secret seed in it, and how files are written there."""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from labkit.errors import CommandError

SEED = "seed"
SEED_TEXT = re.compile(r"[0-9a-f]{64}\s*")


def open_folder(out: Path, submissions: Path) -> bytes:
    """Make or accept the grading folder `out` and give back its secret seed.

    Raises CommandError if `out` lies in the submissions, or they in it, or if it holds something
    else than grades.
    """
    here, there = out.resolve(), submissions.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise CommandError(
            f"{out} and {submissions} lie inside each other. Choose a folder of its own for the grades."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()) and not (out / SEED).is_file():
            raise CommandError(f"{out} is not empty, and it is no grading folder. Choose a new folder for --out.")
        return seed(out / SEED)
    except OSError as error:
        raise CommandError(f"{out} cannot be used for the grades: {error.strerror}.") from None


def seed(path: Path) -> bytes:
    """The secret seed kept in `path`; drawn now, and readable by its owner alone, if there is none."""
    if not path.exists():
        write_whole(path, secrets.token_hex(32) + "\n", mode=0o600)
    text = path.read_text(encoding="ascii", errors="replace")
    if not SEED_TEXT.fullmatch(text):
        raise CommandError(
            f"{path} does not hold a seed any more. Put the old one back, "
            "or choose a new --out: with another seed, grades are made from other numbers."
        )
    return bytes.fromhex(text)


@contextlib.contextmanager
def writing(path: Path, encoding: str = "utf-8", mode: int = 0o644) -> Iterator[TextIO]:
    """A text file that stands at `path` once all is written; what was there stays if anything is raised."""
    handle, partial = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding=encoding, errors="backslashreplace", newline="") as file:
            yield file
        os.chmod(partial, mode)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def write_whole(path: Path, text: str, mode: int = 0o644) -> Path:
    """Write a file whole or not at all."""
    with writing(path, mode=mode) as file:
        file.write(text)
    return path
