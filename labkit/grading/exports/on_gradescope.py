"""What grades one submission inside Gradescope's container. Run as a file; standard library only.

Everything lies under one folder, /autograder unless LABKIT_AUTOGRADER names another:

    source/      the unpacked zip: course/, settings.json, seed
    submission/  what the student handed in
    results/     results.json goes here

Whatever fails, results.json says that the submission could not be graded: Gradescope then shows that to the
student, and why to the instructor. Student code is run by `labkit grade` alone, in the sandbox that was chosen.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 1500  # Gradescope ends an autograder after 40 minutes at most
MOST_NOTEBOOKS = 20
MOST_BYTES = 40 * 10**6  # of one notebook: what is larger, `labkit grade` would refuse as well
MOST_TOLD = 4000  # characters of what went wrong


def main() -> int:
    """Grade, and write results.json in any case. Returns the exit status, 0 unless that cannot be written."""
    base = Path(os.environ.get("LABKIT_AUTOGRADER", "/autograder"))
    with tempfile.TemporaryDirectory(prefix="grading-") as work:
        try:
            found = graded(base, Path(work))
        except (OSError, ValueError, KeyError, Failed, subprocess.SubprocessError) as error:
            found = could_not_be_graded(str(error) or type(error).__name__)
    write(base / "results" / "results.json", found)
    return 0


class Failed(Exception):
    """The submission could not be graded; the text says why."""


def graded(base: Path, work: Path) -> dict:
    """The results of the submission, as `labkit grade` wrote them for Gradescope."""
    source, out = base / "source", work / "grades"
    settings = json.loads((source / "settings.json").read_text(encoding="utf-8"))
    take(base / "submission", work / "submissions" / "submission")
    out.mkdir(mode=0o700)
    with os.fdopen(os.open(out / "seed", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write((source / "seed").read_text(encoding="ascii"))
    command = [
        sys.executable, "-m", "labkit", "grade", str(work / "submissions"), "--out", str(out),
        "--course", str(source / "course"), "--labs", settings["lab"], "--sandbox", settings["sandbox"],
        "--no-nbval",  # what it shows has no place in results.json, and would take most of the time
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(source / "course"), "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        command, cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="backslashreplace", timeout=SECONDS,
    )  # fmt: skip
    print(done.stdout, done.stderr, sep="\n")  # Gradescope keeps it for the instructor
    written = sorted((out / "gradescope").glob("*.json"))
    if len(written) != 1:
        raise Failed(f"labkit grade ended with status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return json.loads(written[0].read_text(encoding="utf-8"))


def take(submission: Path, folder: Path) -> None:
    """Copy the notebooks, ordinary files all of them, into the folder of the one student there is."""
    folder.mkdir(parents=True)
    paths = [path for path in sorted(submission.rglob("*.ipynb")) if path.is_file() and not path.is_symlink()]
    # One below a link, as in link/a.ipynb, lies somewhere else.
    paths = [path for path in paths if path.resolve().is_relative_to(submission.resolve())]
    if len(paths) > MOST_NOTEBOOKS:
        raise Failed(f"{len(paths)} notebooks were handed in; at most {MOST_NOTEBOOKS} are looked at.")
    for number, path in enumerate(paths):
        if path.stat().st_size <= MOST_BYTES:
            place = folder / str(number) if len(paths) > 1 else folder  # two may have one name
            place.mkdir(exist_ok=True)
            shutil.copyfile(path, place / path.name)


def could_not_be_graded(why: str) -> dict:
    """Results for a submission that could not be graded; only the instructor reads why."""
    told = "This submission could not be graded. That is no fault of your answers: tell your instructor."
    hidden = {"name": "Why", "status": "failed", "visibility": "hidden", "output": why[-MOST_TOLD:]}
    return {
        "score": 0,
        "output": told,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [hidden],
    }


def write(path: Path, results: dict) -> None:
    """Write results whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(".results.partial")
    partial.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="ascii")
    os.replace(partial, path)


if __name__ == "__main__":
    sys.exit(main())
