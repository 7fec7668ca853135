#!/usr/bin/env python3
"""Open the course, or test it, with one command on any system.

    python course.py lab             makes .venv, installs the course, opens JupyterLab
    python course.py test [ARGS]     makes .venv, installs the course, runs its tests with pytest

Only the standard library is used. The file parses on Python 3.6, so that an old Python can be told what is wrong;
hence no walrus, no `X | Y`, no `list[str]` in here.
"""

import argparse
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple

OLDEST_PYTHON = (3, 11)  # the same as requires-python in pyproject.toml
FREE_GB = 4  # a first install with torch's CPU build takes about 2 GB, and pip needs room to unpack

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "course.json"

# JupyterLab asks a server for news and for newer versions of itself unless these say no.
LAB_OVERRIDES = {"@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"}}

DISK_FULL = r"Errno 28|No space left|not enough space on the disk|WinError 112|Disk quota exceeded"
NOT_ALLOWED = r"Errno 13|Permission denied|Access is denied|WinError 5\b|WinError 32\b|Read-only file system"
NO_NETWORK = (
    r"connection broken|ConnectionError|ConnectTimeout|ReadTimeout|timed out|ProxyError|SSLError|SSLCertVerification"
    r"|NewConnectionError|NameResolutionError|getaddrinfo|Name or service not known|name resolution"
    r"|Network is unreachable|Connection (refused|reset|aborted)|IncompleteRead|IncompleteDownload|HTTP error 5\d\d"
)
# With a constraint, pip calls a version that does not exist here a conflict.
NO_SUCH_PACKAGE = r"No matching distribution found for ([^\s(;]+)|Cannot install (.+?) because these package versions"


class Stop(Exception):
    """The course cannot go on; the message says why and what to do next."""


def main(argv: Optional[List[str]] = None) -> int:
    """Run one command; returns the exit status: 2 after a sentence about what is wrong, 130 after Ctrl-C."""
    try:
        return run(sys.argv[1:] if argv is None else argv)
    except Stop as stop:
        print("\ncourse.py: {}".format(stop), file=sys.stderr)
        return 2
    except OSError as error:
        print("\ncourse.py: {}".format(explain_os_error(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ncourse.py: stopped by Ctrl-C. The same command goes on from here next time.", file=sys.stderr)
        return 130


def run(argv: List[str]) -> int:
    """Read the command line and do what it says."""
    parser = command_line()
    if not argv:
        parser.print_help()
        return 0
    # Whatever stands after `test` is pytest's; argparse would take its options apart.
    pytest_args = argv[1:] if argv[0] == "test" else []
    if pytest_args in (["-h"], ["--help"]):
        pytest_args = []
    else:
        argv = argv[: len(argv) - len(pytest_args)]
    options = parser.parse_args(argv)
    require_python()
    if options.command == "lab":
        return open_lab(options.port, options.browser)
    return run_tests(pytest_args)


def command_line() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="course.py",
        description="Opens the course, or tests it. The first call makes the environment .venv and installs into it; "
        "later calls start at once.",
        epilog="TORCH_INDEX, if set, is the address torch is installed from: give the one that PyTorch's own install "
        "page gives for CPU to get the small build.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    lab = commands.add_parser(
        "lab", help="open the notebooks in JupyterLab", description="Opens the notebooks in JupyterLab."
    )
    lab.add_argument(
        "--port", type=port_number, metavar="N", help="serve on this port; without it the first free one from 8888 on"
    )
    lab.add_argument("--no-browser", dest="browser", action="store_false", help="print the address, open no browser")
    commands.add_parser(
        "test",
        usage="course.py test [PYTEST ARGUMENTS]",
        help="run all tests with pytest",
        description="Runs all tests with pytest. What stands after `test` goes to pytest, for example "
        "`python course.py test -k data`. Paths are read from the course folder.",
    )
    return parser


def port_number(text: str) -> int:
    """A TCP port a person may ask for, 1 to 65535."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("{!r} is not a port: give a whole number from 1 to 65535".format(text))
    return int(text)


# --- the two commands -------------------------------------------------------------------------------------------------

# Test files side by side, one more than there are cores: tests wait for kernels and time-outs.
# `-n 0` after `test` undoes it.
WORKERS = min(4, (os.cpu_count() or 1) + 1)
# The order is that of tests/conftest.py, long files first; xdist alone would begin with those that hold many tests.
PARALLEL = ["-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder"]
# The workers share the cores already: more threads in each would only wait for one another.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def open_lab(port: Optional[int], browser: bool) -> int:
    """Install what is missing, then become JupyterLab with notebooks/ as its root."""
    if not (ROOT / "notebooks").is_dir():
        raise Stop(
            "the folder notebooks is missing beside course.py (looked in {}). "
            "Get the whole course folder again, or put your notebooks back there.".format(ROOT)
        )
    if port is not None:
        require_free_port(port)
    prepare()
    command = lab_command(environment_python(), ROOT / "notebooks", port, browser)
    print("Starting: {}".format(" ".join(command)))
    return become(command)


def run_tests(pytest_args: List[str]) -> int:
    """Install what is missing, then become pytest."""
    if not (ROOT / "tests").is_dir():
        raise Stop(
            "there is no folder tests beside course.py (looked in {}), so there is nothing to run. A student's copy of "
            "the course has none. To check your own work, use `labkit check` and the lab's name.".format(ROOT)
        )
    prepare()
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    # Tests start hundreds of Pythons, and each would compile the course anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return become([str(environment_python()), "-m", "pytest"] + PARALLEL + pytest_args)


def lab_command(python: Path, notebooks: Path, port: Optional[int], browser: bool) -> List[str]:
    """The command that starts JupyterLab; with a port given it serves there or not at all."""
    command = [str(python), "-m", "jupyterlab"]
    command += ["--ServerApp.root_dir={}".format(notebooks), "--LabApp.extension_manager=readonly"]
    if (notebooks / "welcome.ipynb").is_file():
        command.append("--LabApp.default_url=/lab/tree/welcome.ipynb")
    if port is not None:
        command += ["--ServerApp.port={}".format(port), "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # Jupyter refuses root otherwise, and in a container one is root
    return command


def become(command: List[str]) -> int:
    """Replace this process by the command, in the course folder, with the environment the course is tested in."""
    os.chdir(str(ROOT))
    sys.stdout.flush()
    env = child_environment()
    if os.name == "nt":  # exec returns to the prompt at once there
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the child, which gets it as well
        return subprocess.call(command, env=env)
    os.execve(command[0], command, env)


def child_environment() -> Dict[str, str]:
    """The caller's variables, with .venv first on PATH, keras on torch, and Jupyter's settings from .venv first."""
    env = dict(os.environ, KERAS_BACKEND="torch", JUPYTER_PREFER_ENV_PATH="1", VIRTUAL_ENV=str(VENV))
    env["PATH"] = os.pathsep.join([str(environment_python().parent), env.get("PATH", os.defpath)])
    return env


# --- the environment --------------------------------------------------------------------------------------------------


def prepare() -> None:
    """Bring .venv to what pyproject.toml and constraints.txt ask for; does nothing if it is there already."""
    stamp = read_stamp()
    wanted = wanted_stamp(stamp)
    if stamp == wanted and environment_python().exists():
        return
    require_writable()
    reason = reason_to_make_anew(stamp, wanted)
    if reason:
        make_environment(reason)
    write_stamp(dict(wanted, content="unfinished"))

    print("\nInstalling torch, the largest part. This takes some minutes the first time.", flush=True)
    pip_install(["torch"], wanted["torch_index"])
    print("\nInstalling the course and the tools it needs.", flush=True)
    pip_install(["-e", ".[test]" if (ROOT / "tests").is_dir() else "."])

    write_overrides(VENV)
    write_stamp(wanted)
    print("\nInstalled. The next call starts at once.", flush=True)


def environment_python(windows: bool = os.name == "nt") -> Path:
    """The interpreter inside .venv."""
    return VENV / "Scripts" / "python.exe" if windows else VENV / "bin" / "python"


def wanted_stamp(stamp: Dict[str, str]) -> Dict[str, str]:
    """What the stamp says once everything is installed. Without TORCH_INDEX, the index used before stays good."""
    digest = hashlib.sha256(json.dumps(LAB_OVERRIDES, sort_keys=True).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        path = ROOT / name
        if not path.is_file():
            raise Stop("{} is missing beside course.py. Get the whole course folder again.".format(path))
        digest.update(path.read_bytes())
    digest.update(b"with tests" if (ROOT / "tests").is_dir() else b"without tests")
    return {
        "folder": str(ROOT),
        "python": "{}.{}".format(*sys.version_info[:2]),
        "torch_index": os.environ.get("TORCH_INDEX", "").strip() or stamp.get("torch_index", ""),
        "content": digest.hexdigest(),
    }


def read_stamp() -> Dict[str, str]:
    """What .venv was last installed for; empty if nothing readable is there."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp: Dict[str, str]) -> None:
    """Remember in .venv what it is installed for."""
    STAMP.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")


def reason_to_make_anew(stamp: Dict[str, str], wanted: Dict[str, str]) -> str:
    """Why .venv cannot simply be installed into, as a sentence; empty if it can."""
    if not os.path.lexists(str(VENV)):
        return "Making the environment in {}.".format(VENV)
    if stamp.get("folder", wanted["folder"]) != wanted["folder"]:
        return "The course folder was moved or copied, so .venv is made anew."
    if stamp.get("torch_index", wanted["torch_index"]) != wanted["torch_index"]:
        return "TORCH_INDEX has changed, so .venv is made anew."
    # A half-made or damaged environment, or one whose Python was removed or replaced, shows here.
    probe = "import sys, pip; sys.exit(sys.version_info[:2] != {!r})".format(sys.version_info[:2])
    try:
        answer = subprocess.call(
            [str(environment_python()), "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        answer = 1
    return "The environment in .venv is broken or of another Python, so it is made anew." if answer else ""


def make_environment(reason: str) -> None:
    """Make an empty .venv, over whatever stood there."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        raise Stop(
            "{} But this very Python lives in it. Leave the environment (`deactivate`, or a new terminal), "
            "then give the command again.".format(reason)
        )
    require_venv_module()
    require_space()
    print(reason, flush=True)
    code, words = call([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if code:
        raise Stop(
            explain(words)
            or "the environment {} could not be made; Python's own words stand above. "
            "Close programs that use it, delete it, then give the command again.".format(VENV)
        )


def pip_install(arguments: List[str], torch_index: str = "") -> None:
    """Run `pip install` in .venv, its output shown as it comes; a failure is explained in one sentence."""
    command = [str(environment_python()), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["-c", "constraints.txt"]
    if torch_index:
        command += ["--index-url", torch_index]
    code, words = call(command + arguments)
    if code:
        raise Stop(
            explain(words, torch_index)
            or "pip could not install {}; its own words stand above. "
            "Mend what they name, then give the command again.".format(arguments[-1])
        )


def write_overrides(prefix: Path) -> None:
    """Write JupyterLab's settings for everyone who uses this environment."""
    path = prefix / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(LAB_OVERRIDES, indent=2) + "\n", encoding="utf-8")


def call(command: List[str]) -> Tuple[int, str]:
    """Run a command in the course folder; returns its exit status and what it wrote to stderr, which is shown too.

    stdout is left to the child, so that pip draws its progress bar in a terminal.
    """
    words = []
    child = subprocess.Popen(command, cwd=str(ROOT), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for line in child.stderr:
            text = line.decode(errors="replace")
            sys.stderr.write(text)
            sys.stderr.flush()
            words.append(text)
        return child.wait(), "".join(words)
    except KeyboardInterrupt:
        # A terminal sends Ctrl-C to the child as well: let it clean up; end it if it was not told.
        try:
            child.wait(timeout=3)
        except subprocess.TimeoutExpired:
            child.terminate()
            child.wait()
        raise
    finally:
        child.stderr.close()


# --- what can be wrong ------------------------------------------------------------------------------------------------


def require_python() -> None:
    """Stop on a Python older than the course's packages allow."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise Stop(
            "this is Python {}.{} ({}), and the course needs {}.{} or newer. Install a newer Python, then call it by "
            "its name, for example `python{}.{} course.py lab`.".format(
                sys.version_info[0], sys.version_info[1], sys.executable, *(OLDEST_PYTHON + OLDEST_PYTHON)
            )
        )


def require_venv_module() -> None:
    """Stop where Python comes without the parts that make an environment, as on Debian and Ubuntu."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise Stop(
            "this Python ({}) cannot make environments: its module {} is missing. On Debian or Ubuntu install it with "
            "`sudo apt install python3-venv`, then give the command again.".format(sys.executable, error.name)
        )


def require_writable() -> None:
    """Stop where the course folder cannot be written to."""
    try:
        with tempfile.TemporaryFile(dir=str(ROOT)):
            pass
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Stop(
            "the folder {} cannot be written to ({}). Copy the course to a folder of your own, "
            "or ask its owner for the right to write there.".format(ROOT, error.strerror)
        )


def require_space() -> None:
    """Stop where a first install would fill the disk."""
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < FREE_GB:
        raise Stop(
            "the disk of {} has {:.1f} GB free, and a first install needs about {} GB. "
            "Free some space, or move the course to another disk.".format(ROOT, free, FREE_GB)
        )


def require_free_port(port: int) -> None:
    """Stop if JupyterLab could not listen on this port of localhost."""
    for family, kind, protocol, _, address in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM):
        try:
            with socket.socket(family, kind, protocol) as probe:
                if os.name != "nt":  # there the option would let two programs share the port
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Stop(
                    "port {} is busy: another program on this computer listens there. Give another number, "
                    "or leave --port out and JupyterLab takes the next free one.".format(port)
                )
            if error.errno == errno.EACCES:
                raise Stop(
                    "port {} may not be used: the system keeps it for itself. "
                    "Give another number, for example 8890.".format(port)
                )
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # localhost may have no IPv6
                raise


def explain(words: str, torch_index: str = "") -> str:
    """The cause of a failed install in one sentence, from what pip or venv said; empty if it is none we know."""
    if re.search(DISK_FULL, words):
        return disk_full_sentence()
    if re.search(NOT_ALLOWED, words):
        return (
            "writing to {} was not permitted. Close programs that use it, and see that its files are yours; "
            "or copy the course to a folder of your own.".format(VENV)
        )
    if re.search(NO_NETWORK, words):
        return (
            "the packages could not be fetched: no connection to {}. Connect this computer, "
            "or set its proxy (HTTPS_PROXY), then give the same command again; it goes on from here.".format(
                "TORCH_INDEX ({})".format(torch_index) if torch_index else "the package index"
            )
        )
    missing = re.search(NO_SUCH_PACKAGE, words)
    if missing:
        return "pip found no {} that fits constraints.txt, Python {}.{} and {} {}{}.".format(
            missing.group(1) or missing.group(2),
            sys.version_info[0],
            sys.version_info[1],
            platform.system(),
            platform.machine(),
            " at TORCH_INDEX ({}). See that the address is right, or leave TORCH_INDEX out".format(torch_index)
            if torch_index
            else ". Perhaps another version of Python has it",
        )
    return ""


def explain_os_error(error: OSError) -> str:
    """A file or folder that could not be used, in one sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full_sentence()
    return "{} could not be used: {}. See that it is there and that it is yours to read and write.".format(
        error.filename or ROOT, error.strerror or error
    )


def disk_full_sentence() -> str:
    """No space left, with the numbers of the two places that are written to."""
    temporary = tempfile.gettempdir()
    return (
        "no space is left on the disk: {:.1f} GB are free for {} and {:.1f} GB for the temporary folder {}. "
        "Free some, or point TMPDIR at a larger disk. TORCH_INDEX can choose torch's CPU build, which is "
        "by far the smaller: see README.md.".format(
            shutil.disk_usage(str(ROOT)).free / 1e9, ROOT, shutil.disk_usage(temporary).free / 1e9, temporary
        )
    )


if __name__ == "__main__":
    sys.exit(main())
