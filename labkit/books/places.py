"""Where things are: the course folder, its labs, their notebooks and solutions."""

import re
from pathlib import Path

from labkit.errors import CommandError

NOTEBOOK_NAME = re.compile(r"(lab\d\d)(_\w+)?\.ipynb")
WELCOME = "welcome.ipynb"  # the course's first page: a notebook without exercises, and so without solutions


def course_root(given: str | Path | None = None, start: Path | None = None) -> Path:
    """The course folder: `given`, or the first folder upwards from `start` with notebooks/ and labkit/.

    Raises CommandError if there is none.
    """
    if given is not None:
        root = Path(given).resolve()
        if not is_course(root):
            raise CommandError(f"{given} is no course folder: it needs the folders notebooks/ and labkit/.")
        return root
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if is_course(folder):
            return folder
    raise CommandError(
        f"No course folder found from {here} upwards: it is the one that holds notebooks/ and labkit/. "
        "Go there first, or name it with --course DIR."
    )


def is_course(folder: Path) -> bool:
    """Whether `folder` holds a course."""
    return (folder / "notebooks").is_dir() and (folder / "labkit").is_dir()


def lab_of(path: Path) -> str:
    """The lab a notebook belongs to, "lab02", read from its file name; "welcome" for the course's first page.

    Raises CommandError if it has none.
    """
    if path.name == WELCOME:
        return "welcome"
    match = NOTEBOOK_NAME.fullmatch(path.name)
    if match is None:
        raise CommandError(
            f"{path.name}: the name does not say which lab it is. Expected a name like lab02_convolution.ipynb."
        )
    return match[1]


def lab_named(word: str) -> str:
    """A lab's name from what a person types: "lab02", "02" and "2" are all "lab02"."""
    match = re.fullmatch(r"(?:lab)?0*(\d{1,2})", word.strip().lower())
    if match is None:
        raise CommandError(f"{word!r} is no lab. Expected a name like lab02, or its number.")
    return f"lab{int(match[1]):02}"


def notebooks(root: Path) -> list[Path]:
    """The notebooks of the labs in course order; files with other names are somebody's own."""
    folder = root / "notebooks"
    return sorted(path for path in folder.glob("*.ipynb") if NOTEBOOK_NAME.fullmatch(path.name))


def pages(root: Path) -> list[Path]:
    """All notebooks that are handed out: the first page, where there is one, and the labs."""
    welcome = root / "notebooks" / WELCOME
    return [welcome] * welcome.is_file() + notebooks(root)


def notebook_of(root: Path, word: str) -> Path:
    """The notebook of the lab that `word` names. Raises CommandError if there is none, or more than one."""
    lab = lab_named(word)
    found = [path for path in notebooks(root) if lab_of(path) == lab]
    if not found:
        there = ", ".join(dict.fromkeys(map(lab_of, notebooks(root)))) or "none"
        raise CommandError(f"There is no notebook for {lab} in {root / 'notebooks'}. Labs there: {there}.")
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise CommandError(f"{lab} has more than one notebook: {names}. Name the file, or move one away.")
    return found[0]


def solution_paths(root: Path, notebook: Path) -> tuple[Path, Path]:
    """The answers (.py) and the executed reference (.ipynb) that belong to a notebook of the course."""
    folder = root / "solutions"
    return folder / f"{notebook.stem}.py", folder / notebook.name
