"""The command `labkit`: reads the command line, hands over, says how it went.

Exit status: 0 what was asked is done and right, 1 something is wrong with what was looked at,
2 it could not be done (a sentence says why), 130 stopped with Ctrl-C.
"""

import argparse
import sys
from pathlib import Path

import labkit
from labkit.errors import CommandError

# What a command needs is imported inside it, so that `labkit --help` and `--version` answer at once.


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit status. Without a command: the help, and status 2."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return args.run(args)
    except CommandError as error:
        print(f"labkit {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"labkit {args.command}: stopped.", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="labkit", description=labkit.__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"labkit {labkit.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, run, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        sub.add_argument("--course", metavar="DIR", help="the course folder (default: found upwards from here)")
        return sub

    check = command("check", check_command, "Run your notebook from the top and tell which exercises are right.")
    check.add_argument("lab", metavar="LAB", help="lab02, 2, or a notebook file")
    check.add_argument("--seconds", type=positive, default=1200, help="longest time for all of it (default 1200)")
    check.add_argument("--cell-seconds", type=positive, default=120, help="longest time for a cell (default 120)")

    solve = command("solve", solve_command, "Run the notebooks with their solutions; write solutions/*.ipynb.")
    solve.add_argument("labs", metavar="LAB", nargs="*", help="lab02 or 2 (default: all)")
    solve.add_argument("--check", action="store_true", help="run nothing: prove that they are up to date")

    tidy = command("tidy", tidy_command, "Bring the notebooks students get into canonical form, in place.")
    tidy.add_argument("notebooks", metavar="LAB", nargs="*", help="lab02, 2, or a notebook file (default: all)")

    release = command("release", release_command, "Write the student bundle: the course without solutions.")
    release.add_argument("dir", metavar="DIR", type=Path, help="a folder that does not exist yet")

    mistakes = command("mistakes", mistakes_command, "Show which case of a check rejects which known mistake.")
    mistakes.add_argument("what", metavar="LAB or EXERCISE", nargs="?", help="(default: all)")

    audit = command(
        "audit",
        audit_command,
        "Try the functions of any .py or .ipynb file on the exercises: which are right, which hold a known mistake. "
        "Only its imports, functions and constants are run, in processes with limits. That is no sandbox.",
    )
    audit.add_argument("file", metavar="FILE", type=Path, help="somebody's code, written for the course or not")
    audit.add_argument(
        "--as", metavar="EXERCISE=NAME", dest="pairs", action="append", default=[],
        help="look at function NAME as the answer to EXERCISE (may be given more than once)",
    )
    audit.add_argument("--seed", metavar="N", type=seed, default=0, help="draws the numbers in the cases (default 0)")

    grade = command("grade", grade_command, "Grade what students handed in.")
    grade.add_argument("submissions", metavar="SUBMISSIONS", type=Path, help="the folder or zip they are in")
    grade.add_argument("--out", metavar="GRADES", type=Path, required=True, help="the grading folder")
    grade.add_argument("--labs", metavar="LAB", nargs="+", help="grade only these (default: those handed in)")
    grade.add_argument(
        "--workers", metavar="N", type=workers, help="notebooks at a time (default 1; with --dask as many as it takes)"
    )
    grade.add_argument("--dask", metavar="ADDRESS", help="let a Dask cluster do the work")
    grade.add_argument(
        "--sandbox", choices=("auto", "bwrap", "none"), default="auto",
        help="how student code is shut in (default: the strongest that holds here; `labkit doctor` tells)",
    )
    grade.add_argument("--no-nbval", dest="nbval", action="store_false", help="judge only, do not run the notebooks")
    grade.add_argument(
        "--points", choices=("judge", "nbval"), default="judge", help="whose verdict earns the points (default judge)"
    )
    grade.add_argument("--config", metavar="FILE", type=Path, help="points, deadlines, extensions: a TOML file")

    report = command("report", report_command, "Write the gradebook and all other exports again; nothing is graded.")
    report.add_argument("grades", metavar="GRADES", type=Path, help="the grading folder")
    report.add_argument("--config", metavar="FILE", type=Path, help="other settings than those it was graded with")

    graft = command("graft", graft_command, "Put students' answers into the course's own notebooks, for your own nbval.")
    graft.add_argument("submissions", metavar="SUBMISSIONS", type=Path, help="the folder or zip they are in")
    graft.add_argument("--out", metavar="DIR", type=Path, required=True, help="a folder that does not exist yet")
    graft.add_argument("--labs", metavar="LAB", nargs="+", help="only these (default: those handed in)")

    autograder = command("autograder", autograder_command, "Write the autograder zip of a lab for Gradescope.")
    autograder.add_argument("lab", metavar="LAB", help="lab02 or 2")
    autograder.add_argument("zip", metavar="ZIP", type=Path, help="the file to write")
    autograder.add_argument("--grades", metavar="GRADES", type=Path, help="take the secret seed of this grading folder")
    autograder.add_argument(
        "--sandbox", choices=("auto", "bwrap", "none"), default="auto", help="as for `labkit grade` (default auto)"
    )

    command("doctor", doctor_command, "Tell which sandbox holds on this machine, by attacking it.")
    return parser


def positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError
    return value


def workers(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def check_command(args: argparse.Namespace) -> int:
    from labkit.books import places, run, show

    is_file = args.lab.endswith(".ipynb")
    path = Path(args.lab) if is_file else places.notebook_of(places.course_root(args.course), args.lab)
    with show.counting(path.name) as progress:
        result = run.run_notebook(path, args.cell_seconds, args.seconds, progress)
    show.result(path, result)
    return result.status


def solve_command(args: argparse.Namespace) -> int:
    from labkit.books import places, solve

    root = places.course_root(args.course)
    chosen = [places.notebook_of(root, lab) for lab in args.labs] or places.notebooks(root)
    if not chosen:
        raise CommandError(f"There are no notebooks in {root / 'notebooks'}.")
    failed = 0
    for path in chosen:
        problems = solve.differences(root, path) if args.check else solve.solve(root, path)
        failed += bool(problems)
        done = "is notebook + solutions, and was run." if args.check else "written."
        for line in problems or [done]:
            print(f"solutions/{path.name}: {line}", file=sys.stderr if problems else sys.stdout)
    strays = [] if args.labs else solve.stray_solutions(root)
    for stray in strays:
        print(f"solutions/{stray.name}: there is no notebook of this name in notebooks/.", file=sys.stderr)
    return int(bool(failed or strays))


def tidy_command(args: argparse.Namespace) -> int:
    from labkit.books import places, tidy

    paths = [
        Path(name) if name.endswith(".ipynb") else places.notebook_of(places.course_root(args.course), name)
        for name in args.notebooks
    ] or places.pages(places.course_root(args.course))
    changed = tidy.tidy_files(paths)
    for path in paths:
        print(f"{path.name}: {'tidied' if path in changed else 'was tidy'}")
    return 0


def release_command(args: argparse.Namespace) -> int:
    from labkit.books import places, release

    root = places.course_root(args.course)
    files = release.release(root, args.dir)
    books = [path.name for path in files if path.suffix == ".ipynb"]
    print(f"Wrote {args.dir}: {len(files)} files, with the notebooks {', '.join(books)}. No solution is in it.")
    if left := release.left_out(root, files):
        print(f"Left out, because git does not know them: {', '.join(map(str, left))}.")
    return 0


def mistakes_command(args: argparse.Namespace) -> int:
    from labkit.books import show

    return show.matrices(args.what)


def audit_command(args: argparse.Namespace) -> int:
    from labkit.audit import audit_command as audit

    return audit(args)


def grade_command(args: argparse.Namespace) -> int:
    from labkit.grading import ahead

    if not args.dask and args.submissions.exists():
        ahead.context()  # the workers' torch loads while this process imports its own things
    from labkit.grading import commands

    return commands.grade(args)


def report_command(args: argparse.Namespace) -> int:
    from labkit.grading import commands

    return commands.report(args)


def graft_command(args: argparse.Namespace) -> int:
    from labkit.grading import commands

    return commands.graft(args)


def autograder_command(args: argparse.Namespace) -> int:
    from labkit.grading import commands

    return commands.autograder(args)


def doctor_command(args: argparse.Namespace) -> int:
    from labkit.grading import commands

    return commands.doctor(args)
