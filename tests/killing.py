"""Kill a grader at random moments, start it again, and compare with one that was left alone.

    python tests/killing.py [--submissions 200] [--kills 20] [--workers 2] [--sandbox bwrap]

Prints what was repeated and whether every export is the same, byte for byte. Exit status 0 if all is well.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
HOUSE = TESTS.parent
SEED = "5eed" * 16 + "\n"


def logged(log: str, key: str, function, *args):
    """In a worker: write down that a job begins, then do it."""
    with open(log, "a") as file:
        file.write(f"{key}\n")
    return function(*args)


class Counting:
    """An executor that lets its workers write down each job that begins."""

    def __init__(self, crew, log: Path):
        self.crew, self.log = crew, str(log)

    def submit(self, function, job):
        return self.crew.submit(logged, self.log, job.key, function, job)


def grade(submissions: Path, out: Path, log: Path, workers: int, level: str) -> None:
    """Grade as `labkit grade` does, with a log of what begins."""
    from labkit.grading import batch, crew
    from labkit.grading.limits import Limits
    from labkit.grading.settings import Settings

    @contextlib.contextmanager
    def hire():
        with crew.processes(workers) as pool:
            yield Counting(pool, log)

    settings = Settings(limits=Limits(load=5, calls=3))
    batch.grade(submissions, out, batch.Plan(("lab02",), False, "judge", level, settings), HOUSE, hire, workers)


def make(folder: Path, count: int) -> None:
    """A class: every tenth hostile or broken, every tenth wrong in one exercise, the others right in words of their own."""
    from submissions import HOSTILE, PLAIN, WRONG, book, put

    rng = random.Random(1)
    odd = [attack.build() for attack in HOSTILE.values()] + ["", "{", b"\xff\xfe\x00", PLAIN]
    for number in range(count):
        name = f"student {number:03}"
        if number % 10 == 0:
            put(folder, name, rng.choice(odd))
        elif number % 10 == 5:
            put(folder, name, book(corr2d=f"{WRONG['corr2d']}\n# {number}"))
        else:
            put(folder, name, book(after=[f"number = {number}"]))


def run_killed(words: list[str], log: Path, kills: int, most: int, seed: int = 0) -> int:
    """Give a command again and again, killed at random moments; returns how often it was killed.

    A moment is some time after so many jobs have begun, `most` or fewer; if none has, some time after the start.
    """
    rng, killed = random.Random(seed), 0
    while True:
        with subprocess.Popen(words, env=environment(), stdin=subprocess.DEVNULL) as process:
            if killed < kills:
                more = rng.randint(0, most)
                enough = begun(log) + more
                while process.poll() is None and begun(log) < enough:
                    time.sleep(0.01)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(rng.uniform(0, 0.3) if more else rng.uniform(0.1, 3))
            else:
                process.wait()
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
                continue
        if process.returncode:
            raise SystemExit(f"the grader ended with status {process.returncode}")
        return killed


def begun(log: Path) -> int:
    """How many jobs have begun."""
    return log.read_text().count("\n") if log.exists() else 0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(HOUSE), str(TESTS)])}


def exports(out: Path) -> dict[str, bytes]:
    """What is written for people, by name."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "journal.sqlite")
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def compare(folder: Path, count: int, kills: int, workers: int, level: str) -> dict[str, object]:
    """Grade the same class twice, once left alone and once killed; what came of it."""
    make(folder / "in", count)
    ends = {}
    for name, times in (("alone", 0), ("killed", kills)):
        out = folder / name
        out.mkdir()
        (out / "seed").write_text(SEED)
        log = folder / f"{name}.log"
        words = [sys.executable, __file__, "--grade", str(folder / "in"), str(out), str(log)]
        words += ["--workers", str(workers), "--sandbox", level]
        start = time.monotonic()
        killed = run_killed(words, log, times, most=2 * count // (3 * max(kills, 1)))
        jobs = log.read_text().split()
        ends[name] = {
            "seconds": round(time.monotonic() - start, 1),
            "killed": killed,
            "begun": len(jobs),
            "repeated": len(jobs) - len(set(jobs)),
        }
    same = exports(folder / "alone") == exports(folder / "killed")
    return {**ends, "same bytes": same, "files": len(exports(folder / "alone"))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sandbox", default="bwrap", choices=("bwrap", "none"))
    parser.add_argument("--grade", nargs=3, metavar=("IN", "OUT", "LOG"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.grade:
        grade(*map(Path, args.grade), args.workers, args.sandbox)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="labkit-killing-"))
    try:
        found = compare(folder, args.submissions, args.kills, args.workers, args.sandbox)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(found, indent=2))
    fine = found["same bytes"] and found["killed"]["killed"] == args.kills
    fine = fine and found["killed"]["repeated"] <= found["killed"]["killed"] * args.workers
    print("The same, byte for byte." if fine else "NOT as promised.")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.path[:0] = [str(HOUSE), str(TESTS)]
    sys.exit(main())
