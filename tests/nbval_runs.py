"""Run nbval over a folder of notebooks and say which cells failed."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent


def nbval(folder: Path, *options: str, **settings: str) -> list[dict]:
    """One line for each code cell of each notebook in `folder`, as labkit's plugin records them.

    Nothing makes the checks strict but nbval itself. settings: variables for the environment. Only the plugins that
    are needed are loaded, and one process runs all notebooks: loading them costs as much as many a notebook.
    """
    record = folder / "record"
    command = [sys.executable, "-m", "pytest", "--nbval-current-env", "--nbval-cell-timeout", "120", "-q"]
    command += ["-p", "nbval.plugin", "-p", "no:cacheprovider", "-p", "labkit.books.record", "--assert=plain"]
    command += ["--labkit-record", record, *options, folder]
    env = plain_environment() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **settings}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout[-4000:]
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def plain_environment() -> dict[str, str]:
    """The environment without any setting of ours or of the pytest that runs now, with this course's labkit."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LABKIT", "PYTEST"))}
    return env | {"PYTHONPATH": str(HOUSE)}


def failed_cells(lines: list[dict]) -> dict[str, set[str]]:
    """The ids of the cells that failed, by notebook; notebooks without any are left out."""
    failed = defaultdict(set)
    for line in lines:
        if line["outcome"] != "passed":
            failed[Path(line["notebook"]).stem].add(line["cell"])
    return dict(failed)
