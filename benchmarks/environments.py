"""An environment of its own for each tool that is measured beside labkit."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PINS = ROOT / "constraints.txt"
STAMP = "made-from"


class Stop(Exception):
    """The benchmark cannot go on; the text says why and what to do next."""


def default_folder() -> Path:
    """Where environments are kept if the user names no folder: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "labkit-benchmarks"


def environment(tool: str, folder: Path, clean: bool) -> Path:
    """The Python of the environment for `tool` ("nbgrader", "otter") under `folder`, made if it is not there.

    It holds what peers/TOOL.txt lists. Everything else (torch, NumPy, Jupyter) is that of the Python that runs this,
    so that all tools run the same checks with the same libraries; `clean` installs that, too, from constraints.txt.
    Raises Stop, also where the packages of the two do not go together.
    """
    place = folder.resolve() / (f"{tool}-clean" if clean else tool)
    if place.is_relative_to(ROOT):
        raise Stop(f"{folder} lies in the repository. Name another folder with --environments.")
    wanted = HERE / "peers" / f"{tool}.txt"
    shared = sysconfig.get_path("purelib")
    made_from = ["" if clean else shared, sys.version, PINS.read_text(), wanted.read_text()]
    key = hashlib.sha256("\n".join(made_from).encode()).hexdigest()
    python, stamp = place / "bin" / "python", place / STAMP
    if stamp.is_file() and stamp.read_text() == key:
        return python
    print(f"Making an environment for {tool} in {place} …", file=sys.stderr)
    if place.exists():  # half made, or made from other versions
        shutil.rmtree(place)
    call(sys.executable, "-m", "venv", "--without-pip", str(place))
    if clean:
        torch = next(line for line in PINS.read_text().splitlines() if line.startswith("torch=="))
        install(python, torch)  # alone and first: asked for by another package, it may come as a larger build
        install(python, "-r", str(PINS))
    else:
        packages = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        Path(packages, "shared.pth").write_text(f"{shared}\n")
    install(python, "-c", str(PINS), "-r", str(wanted))
    try:
        call(sys.executable, "-m", "pip", "--python", str(python), "check")
    except Stop as clash:
        told = f"{tool} does not go together with the packages of {sys.prefix}. Call this with --clean."
        raise Stop(f"{told}\n{clash}") from None
    stamp.write_text(key)
    return python


def install(python: Path, *what: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    call(*pip, *what)


def call(*command: str) -> None:
    """Run a command. Raises Stop with the end of what it printed if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Stop(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
