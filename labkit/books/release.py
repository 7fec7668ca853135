"""Make the student bundle: the course without solutions, whole or not at all."""

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from labkit.books import places
from labkit.books.leaks import require_no_leak
from labkit.books.notebook import read, text
from labkit.books.solutions import Solutions, read_solutions
from labkit.books.tidy import tidied
from labkit.errors import CommandError

TOP = ("course.py", "Makefile", "pyproject.toml", "constraints.txt", "environment.yml", "LICENSE")
FOLDERS = ("labkit", "notebooks")
README = "docs/README-student.md"
SHIPPED = {"labkit": {".py", ".npz", ".md", ".html", ".css", ".sh"}, "notebooks": {".ipynb"}}  # where git does not say what belongs


def release(root: Path, target: Path) -> list[Path]:
    """Write the student bundle of the course at `root` to the new folder `target`.

    Returns its files, relative to it. Raises CommandError, and leaves nothing behind, where the
    target cannot be used, something is missing, a notebook is not as it should be handed out, or a
    file would give a solution away.
    """
    solutions = all_solutions(root)
    target = usable(target, root)
    files = bundle_files(root)
    for notebook in sorted(path for path in files if path.suffix == ".ipynb"):
        require_ready(root / notebook)
    with beside(target) as partial:
        for path in files:
            copy(root / path, partial / path)
        copy(root / README, partial / "README.md")
        require_no_leak(partial, solutions)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    return sorted([*files, Path("README.md")])


def all_solutions(root: Path) -> Solutions:
    """The solutions of all labs together."""
    paths = sorted((root / "solutions").glob("lab*.py"))
    if not paths:
        raise CommandError(
            f"There are no solutions in {root / 'solutions'}. A bundle is made from the instructor's course, "
            "where it can be proved that none of them is in it."
        )
    read_all = [read_solutions(path) for path in paths]
    return Solutions(
        {name: source for one in read_all for name, source in one.functions.items()},
        {name: answer for one in read_all for name, answer in one.answers.items()},
    )


def usable(target: Path, root: Path) -> Path:
    """`target` in full. Raises CommandError unless a bundle can be written there."""
    target = target.resolve()
    for folder in (*FOLDERS, "solutions", "docs", "tests"):
        if target.is_relative_to(root / folder):
            raise CommandError(f"{target} is inside the course's own folder {folder}/. Choose another place.")
    if target.exists() and not target.is_dir():
        raise CommandError(f"{target} is a file. Name a folder that does not exist yet.")
    if target.exists() and any(target.iterdir()):
        raise CommandError(f"{target} is not empty. Name a folder that does not exist yet, or empty this one.")
    return target


def bundle_files(root: Path) -> list[Path]:
    """What belongs into the bundle, relative to `root`, README aside. Raises CommandError if a part is missing."""
    files = tracked(root) if (root / ".git").exists() else listed(root)
    wanted = [Path(name) for name in TOP] + [Path("labkit/__init__.py")]
    missing = [str(path) for path in wanted if path not in files]
    missing += [str(path) for path in files if not (root / path).is_file()]
    if not any(path.suffix == ".ipynb" for path in files):
        missing.append("notebooks/lab*.ipynb")
    if not (root / README).is_file():
        missing.append(README)
    if missing:
        told = ", ".join(dict.fromkeys(missing))
        kept = " Only files known to git are handed out: `git add` them first." if (root / ".git").exists() else ""
        raise CommandError(f"The course at {root} lacks {told}.{kept}")
    links = [str(path) for path in files if (root / path).is_symlink()]
    if links:
        raise CommandError(f"{', '.join(links)} is a link to somewhere else. Put the file itself there.")
    return files


def tracked(root: Path) -> list[Path]:
    """The files git knows."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--", *TOP, *FOLDERS]
    try:
        told = subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise CommandError("The course is under git, but the command `git` is not installed.") from None
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()
        raise CommandError(f"git cannot tell which files belong to the course: {words}") from None
    return [Path(name) for name in told.decode().split("\0") if name]


def listed(root: Path) -> list[Path]:
    """The files of a course that is not under git: only kinds that belong, nothing hidden or cached."""
    found = [Path(name) for name in TOP if (root / name).is_file()]
    for folder, kinds in SHIPPED.items():
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root)
            hidden = any(part.startswith((".", "__pycache__")) for part in relative.parts)
            if path.is_file() and path.suffix in kinds and not hidden:
                found.append(relative)
    pages = places.pages(root)
    return [path for path in found if path.suffix != ".ipynb" or root / path in pages]


def left_out(root: Path, files: list[Path]) -> list[Path]:
    """Files that look like part of the course and are not among `files`."""
    return [path for path in listed(root) if path not in files]


def require_ready(path: Path) -> None:
    """Raise CommandError unless the notebook is in canonical form: no outputs, every exercise a stub."""
    if any(cell.get("outputs") for cell in read(path).cells):
        raise CommandError(f"{path.name} has outputs. Run `labkit tidy {path.name}` first.")
    if text(tidied(path)) != path.read_text(encoding="utf-8"):
        raise CommandError(f"{path.name} is not in canonical form. Run `labkit tidy` first.")


@contextlib.contextmanager
def beside(target: Path):
    """A temporary folder in the same place as `target`, removed if it is still there at the end."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".partial", dir=target.parent))
    except OSError as error:
        raise CommandError(f"{target.parent} cannot be written to: {error.strerror or error}.") from None
    try:
        partial.chmod(0o755)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
