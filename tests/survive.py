"""Grade every attack between honest neighbours, in one batch, and tell what came of each.

    python tests/survive.py [--sandbox bwrap|none] [--as-user] [--without-worlds] [--only WORDS]

Prints a table, attack by verdict. Ends with 0 if all is as docs and tests promise, else with 1.
"""

import argparse
import contextlib
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

HOUSE, TESTS = Path(__file__).resolve().parent.parent, Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HOUSE), str(TESTS)]

from handed import reaching_out
from submissions import INNOCENT, NAMES, POINTS, SORTS, WRONG, Attack, book, put

from labkit.grading import batch
from labkit.grading.journal import Journal
from labkit.grading.limits import Limits
from labkit.grading.record import Record
from labkit.grading.sandbox import bwrap
from labkit.grading.settings import Settings
from labkit.grading.warm import Warm

SHORT = Limits(load=5, calls=3)
SEED = "5" * 64
NEIGHBOURS = {name: name for name in ("0 honest", "honest among them", "zzz honest")}
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """What came of one attack.

    got, due  the exercises that lost points, and those that should
    flags     what the gradebook says
    broken    what is not as promised; empty where all is
    """

    sort: str
    attack: str
    got: tuple[str, ...]
    due: tuple[str, ...]
    flags: str
    broken: tuple[str, ...] = ()


def survive(folder: Path, level: str, only: str = "") -> list[Row]:
    """Grade the attacks that may be tried at `level`, and the innocent; a row for each, and one for the neighbours."""
    sorts = SORTS | {"innocent": {name: Attack(build, frozenset()) for name, build in INNOCENT.items()}}
    tried = {
        name: (sort, one)
        for sort, attacks in sorts.items()
        for name, one in attacks.items()
        if only in f"{sort} {name}" and (level != "none" or not one.shut_in)
    }
    with reachable(folder) as harmed:
        for name, (_, one) in tried.items():
            put(folder / "in", name, one.build())
        records, rows, texts = graded(folder / "in", folder / "out", level)
        hurt = harmed()
    found = [verdict(sort, name, one, records[name], rows[name], texts) for name, (sort, one) in tried.items()]
    return [*found, neighbours(folder, level, records, rows, hurt, texts)]


@contextlib.contextmanager
def reachable(folder: Path) -> Iterator:
    """Things of the grader's that attacks reach for; gives a function that tells which of them were harmed."""
    name = f"labkit-survive-{os.getpid()}"
    written, passing = folder / "written", folder / "passing"
    passing.mkdir()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(tempfile, "tempdir", str(passing)))  # other graders use the common one
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listening = [server]
        if sys.platform == "linux":
            listening.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
            listening[1].bind(f"\0{name}")
            listening[1].listen()
        victim = stack.enter_context(
            subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
        )
        stack.callback(victim.kill)
        targets = {"port": server.getsockname()[1], "name": name, "victim": victim.pid, "written": str(written)}
        reaching_out.targets.update(targets)
        before, running = shared(passing), set(Warm.running)

        def harmed() -> list[str]:
            told = ["a process of the grader's was ended"] if victim.poll() is not None else []
            told += ["a file was written outside"] if written.exists() else []
            left = shared(passing) - before
            told += [f"left behind: {sorted(left)}"] if left else []
            told += ["a process was left running"] if Warm.running - running else []
            for one in listening:
                one.settimeout(0)
                with contextlib.suppress(OSError):
                    one.accept()
                    told.append("somebody connected to this machine")
            return told

        yield harmed


def shared(passing: Path) -> set[str]:
    """What lies in this machine's shared memory by an attack's name, and in our folder for passing files."""
    there = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    return {one for one in there if "left" in one or "big" in one} | set(os.listdir(passing))


def graded(submissions: Path, out: Path, level: str) -> tuple[dict[str, Record], dict[str, dict], str]:
    """Grade; the records and the gradebook's rows by student, and all that was written for people."""
    for name, words in NEIGHBOURS.items():
        put(submissions, name, book(corr2d=f"{WRONG['corr2d']}\n# {words}"))
    out.mkdir(exist_ok=True)
    (out / "seed").write_text(SEED)
    plan = batch.Plan(("lab02",), nbval=False, level=level, settings=Settings(limits=SHORT))
    batch.grade(submissions, out, plan, course=HOUSE, hire=lambda: ThreadPoolExecutor(2), at_once=2)
    with Journal(out) as journal:
        records = {record.student: record for record in batch.records(journal)}
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    pages = "\n".join(page.read_text(encoding="utf-8") for page in sorted(out.rglob("*.html")))
    return records, rows, pages


def verdict(sort: str, name: str, attack: Attack, record: Record, row: dict[str, str], exports: str) -> Row:
    """What came of one attack, and what of it is not as promised."""
    found = record.entries["lab02"].graded
    told = "\n".join([*found.notes, *(part for one in found.found for part in (one.text, one.printed))])
    lost = {one for one in NAMES if row[f"lab02.{one}"] != str(POINTS[one])}
    broken = [f"{one} should be right" for one in sorted(lost - attack.lost)]
    broken += [f"{one} should be wrong" for one in sorted(attack.lost - lost)]
    broken += [f"points that no one gives: {row[f'lab02.{one}']}" for one in lost if row[f"lab02.{one}"] != "0"]
    broken += [f"not told in the flags: {attack.flags}"] if attack.flags not in row["flags"] else []
    broken += [f"not told in the feedback: {attack.feedback}"] if attack.feedback not in told else []
    broken += [f"stands in a page: {attack.never}"] if attack.never and attack.never in exports else []
    broken += [f"was told: {attack.untold}"] if attack.untold and attack.untold in f"{told}{row['flags']}" else []
    broken += [f"not graded: {found.trouble}"] if found.trouble else []
    broken += [f"{title} is a formula" for title, cell in row.items() if cell.startswith(FORMULA)]
    return Row(sort, name, tuple(sorted(lost)), tuple(sorted(attack.lost)), row["flags"], tuple(broken))


def neighbours(folder: Path, level: str, records: dict, rows: dict, hurt: list[str], exports: str) -> Row:
    """Whether the honest got what they get alone, and nothing of the machine's was harmed."""
    alone, alone_rows, _ = graded(folder / "alone", folder / "out alone", level)
    changed = [name for name in NEIGHBOURS if alone[name] != records[name] or alone_rows[name] != rows[name]]
    broken = [f"{name} was graded otherwise" for name in changed] + hurt
    lost = {one for name in NEIGHBOURS for one in NAMES if rows[name][f"lab02.{one}"] != str(POINTS[one])}
    broken += [] if lost == {"corr2d"} else [f"the neighbours lost {sorted(lost)}"]
    return Row("all of them", "honest neighbours", tuple(sorted(lost)), ("corr2d",), rows["0 honest"]["flags"], tuple(broken))


def table(rows: list[Row]) -> str:
    """Attack by verdict, in columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table("", "attack", "lost", "should lose", "flags", title="What it must survive", title_justify="left")
    for sort in dict.fromkeys(row.sort for row in rows):
        shown.add_section()
        for row in (one for one in rows if one.sort == sort):
            mark = "BROKEN: " + "; ".join(row.broken) if row.broken else "held"
            cells = mark, f"{sort}: {row.attack}", ", ".join(row.got) or "-", ", ".join(row.due) or "-", row.flags
            shown.add_row(*map(Text, cells))
    console = Console(width=240, record=True, file=open(os.devnull, "w"))
    console.print(shown)
    return console.export_text()


def as_user(words: list[str], folder: Path) -> subprocess.CompletedProcess:
    """Run this file once more as an ordinary user, who may write in `folder`."""
    import ordinary

    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(HOUSE)}
    command = ordinary.words([sys.executable, "-B", __file__, *words], [folder])
    return subprocess.run(command, env=environment, cwd=HOUSE, capture_output=True, text=True)


def no_worlds_within() -> None:
    """Start sandboxes without the right to make worlds in them, as systems do that let bubblewrap alone have it."""
    whole = bwrap.command

    def command(*args) -> list[str]:
        words = whole(*args)
        at = words.index("CAP_SYS_ADMIN")
        return words[: at - 1] + words[at + 1 :]

    bwrap.command = command


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", default="bwrap", choices=("bwrap", "none"))
    parser.add_argument("--as-user", action="store_true", help="become an ordinary user first; root can")
    parser.add_argument("--only", default="", metavar="WORDS", help="attacks in whose name they stand")
    parser.add_argument("--without-worlds", action="store_true", help="as where a sandbox lets none be made in it")
    parser.add_argument("--json", action="store_true", help="rows for a program, in place of the table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labkit-survive-") as folder:
        if args.as_user:
            again = [word for word in sys.argv[1:] if word != "--as-user"]
            done = as_user(again, Path(folder))
            print(done.stdout, end="")
            print(done.stderr, end="", file=sys.stderr)
            return done.returncode
        if args.without_worlds:
            no_worlds_within()
        rows = survive(Path(folder), args.sandbox, args.only)
    broken = sum(bool(row.broken) for row in rows)
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        print(table(rows))
        who = "root" if hasattr(os, "geteuid") and os.geteuid() == 0 else "an ordinary user"
        print(f"{len(rows) - broken} of {len(rows)} held, as {who}, sandbox {args.sandbox}.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
