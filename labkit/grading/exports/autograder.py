"""A zip for Gradescope that grades one lab there, with the same judge as here.

It holds setup.sh and run_autograder, as Gradescope asks for, pinned requirements, the labkit package, the lab's
notebook and the secret seed. It gives away how answers are judged: upload it as the autograder, show it to nobody.

Gradescope runs containers. Where one allows no user namespaces, bubblewrap does not hold: the sandbox "none" must
then be chosen by name, and a student's code runs with the rights of the autograder.
"""

import json
import re
import secrets
import tempfile
import tomllib
import zipfile
from importlib import resources
from pathlib import Path

from labkit.books import places
from labkit.errors import CommandError

SANDBOXES = ("auto", "bwrap", "none")
SECRET = re.compile(r"[0-9a-f]{64}")
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}
NEEDED = ("pyproject.toml", "constraints.txt", "LICENSE")
BEGINNING = (1980, 1, 1, 0, 0, 0)  # the first time a zip can tell: it tells nothing about now


def build(course: Path, lab: str, target: Path, sandbox: str = "auto", secret: str | None = None) -> None:
    """Write the zip for `lab` ("lab02" or "2") of the course folder `course` to `target`.

    secret: 64 hexadecimal digits, the seed of the grading folder; drawn now if None. With the same secret the
    same zip comes out, byte for byte. Raises CommandError.
    """
    if sandbox not in SANDBOXES:
        raise CommandError(f"The sandbox is {sandbox!r}; expected {', '.join(SANDBOXES)}.")
    if secret is not None and not SECRET.fullmatch(secret):
        raise CommandError("The secret is not 64 hexadecimal digits. Take those in the file seed of a grading folder.")
    root = places.course_root(course)
    notebook = places.notebook_of(root, lab)
    files = {
        "setup.sh": script("setup.sh"),
        "run_autograder": script("run_autograder.sh"),
        "requirements.txt": requirements(root).encode(),
        "constraints.txt": needed(root / "constraints.txt"),
        "settings.json": f"{json.dumps({'lab': places.lab_of(notebook), 'sandbox': sandbox})}\n".encode(),
        "seed": f"{secret or secrets.token_hex(32)}\n".encode(),
        f"course/notebooks/{notebook.name}": needed(notebook),
    }
    files |= {f"course/{name}": needed(root / name) for name in NEEDED}
    files |= {f"course/{path.relative_to(root).as_posix()}": path.read_bytes() for path in package_files(root)}
    try:
        write(target, files)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}.") from None


def script(name: str) -> bytes:
    return resources.files("labkit.grading.exports").joinpath("templates", name).read_bytes()


def needed(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}. The autograder needs it.") from None


def package_files(root: Path) -> list[Path]:
    """All files of the package."""
    paths = sorted((root / "labkit").rglob("*"))
    return [path for path in paths if path.is_file() and path.suffix != ".pyc" and not LEFT_OUT & set(path.parts)]


def requirements(root: Path) -> str:
    """What the package needs, each at the version the course is tested with."""
    project = tomllib.loads(needed(root / "pyproject.toml").decode())["project"]
    lines = [line.partition("#")[0].strip() for line in needed(root / "constraints.txt").decode().splitlines()]
    pinned = {line.partition("==")[0].lower(): line for line in lines if "==" in line}
    names = [(re.match(r"[\w.-]+", wanted)[0].lower(), wanted) for wanted in project["dependencies"]]
    return "".join(f"{pinned.get(name, wanted)}\n" for name, wanted in names)


def write(target: Path, files: dict[str, bytes]) -> None:
    """Write a zip whole or not at all; scripts in it can be run."""
    with tempfile.NamedTemporaryFile(prefix=".", suffix=".partial", dir=target.parent, delete=False) as partial:
        path = Path(partial.name)
        try:
            with zipfile.ZipFile(partial, "w") as archive:
                for name, data in files.items():
                    info = zipfile.ZipInfo(name, BEGINNING)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.create_system = 3  # so that the rights below are understood, on whatever system it is made
                    runs = name in ("setup.sh", "run_autograder")
                    info.external_attr = (0o100755 if runs else 0o100644) << 16
                    archive.writestr(info, data)
            partial.close()
            path.replace(target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
