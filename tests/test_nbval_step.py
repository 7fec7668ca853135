"""The nbval step: whole notebooks, right, wrong and hostile, tested where they can harm nobody."""

import json
import os
import secrets
import socket
import sys
import time

import pytest
from small_course import code, notebook
from submissions import HOUSE, RIGHT
from traces import LEAVE, LOOK, SCAN, folders

from labkit import asked
from labkit.books.notebook import read
from labkit.grading import nbval, wire
from labkit.grading.limits import Limits
from labkit.grading.record import Cell
from labkit.grading.sandbox import level
from labkit.grading.warm import JudgeError

HAVE_BWRAP = sys.platform == "linux" and not level.missing()
LEVELS = ["none", pytest.param("bwrap", marks=pytest.mark.skipif(not HAVE_BWRAP, reason="no bubblewrap here"))]
LIMITS = Limits(cell=20, notebook=120)
SHORT = Limits(cell=3, notebook=120)
SETUP = "import numpy as np\nfrom labkit import check"
SIZE = RIGHT["output_size"]
CHECK = code("check(output_size)", labkit={"check": "output_size"})
EXERCISES = [one for one in asked.exercises() if one.lab == "lab02"]
WRONG = "def output_size(size, kernel, stride=1, padding=0):\n    return size - kernel + 1"


def small(*sources, answer=SIZE):
    """A notebook with one exercise and its check; `sources` stand in front of them."""
    cells = [code(SETUP), *map(code, sources), code(answer, labkit={"exercise": "output_size"}), CHECK]
    return notebook(*cells)


@pytest.fixture(scope="module")
def warm():
    """A process that is ready, in a sandbox where there is one."""
    with nbval.Tester(LIMITS, "bwrap" if HAVE_BWRAP else "none") as process:
        yield process


@pytest.fixture(scope="module")
def shut(warm):
    """The same, where it is a sandbox."""
    if not HAVE_BWRAP:
        pytest.skip("no bubblewrap here")
    return warm


@pytest.fixture(scope="module")
def lean():
    """A process in a sandbox that has loaded little: it is quickly started again where a bomb has spoilt it."""
    if not HAVE_BWRAP:
        pytest.skip("no bubblewrap here")
    with nbval.Tester(LIMITS, "bwrap", load=()) as process:
        yield process


def plain(*sources):
    """A notebook that needs nothing of labkit; it ends with a cell that says so."""
    return notebook(*map(code, sources), code("'the end'"))


@pytest.fixture(scope="module", params=LEVELS)
def quick(request):
    """A process that has loaded little, for notebooks that do not end well."""
    with nbval.Tester(SHORT, request.param, load=()) as process:
        yield process


def outcomes(cells):
    return [cell.outcome for cell in cells]


def test_a_right_notebook_passes_cell_by_cell(warm):
    cells, how = warm.run(small("1 / 2", "%matplotlib inline\nprint('plotted')"))
    assert how == "" and outcomes(cells) == ["passed"] * 5
    assert cells[3] == Cell("def output_size(size, kernel, stride=1, padding=0):", "output_size", "", "passed")
    assert cells[4] == Cell("check(output_size)", "", "output_size", "passed")
    assert nbval.verdicts(cells, EXERCISES)["output_size"] == (True, "")


def test_a_wrong_answer_fails_in_its_check_alone_and_says_why(warm):
    cells, how = warm.run(small("no_such_name", answer=WRONG))
    assert how == "" and outcomes(cells) == ["passed", "failed", "passed", "failed"]
    assert cells[1].text == "NameError: name 'no_such_name' is not defined"
    passed, text = nbval.verdicts(cells, EXERCISES)["output_size"]
    assert not passed and text.startswith("output_size") and "padding" in text
    assert nbval.verdicts(cells, EXERCISES)["corr2d"] == (False, "corr2d: the notebook has no check of it.")


def test_checks_are_strict(warm):
    stub = 'def output_size(size, kernel, stride=1, padding=0):\n    raise NotImplementedError("Lab 2: output_size")'
    cells, _ = warm.run(small(answer=stub))
    assert outcomes(cells)[-1] == "failed" and "not yet" in cells[-1].text


def test_one_notebook_leaves_nothing_to_the_next(warm):
    places = folders(warm.level)
    first, _ = warm.run(small(LEAVE.format(folders=places)))
    process = warm.process
    second, _ = warm.run(small(LOOK.format(folders=places)))
    assert outcomes(first) == outcomes(second) == ["passed"] * 4
    assert warm.process is process


@pytest.mark.skipif(sys.platform != "linux", reason="it looks through memory as Linux has it")
def test_one_notebook_is_not_in_the_memory_of_the_next(warm):
    theirs, own = (secrets.token_hex(16) for _ in range(2))
    warm.run(plain(f"mine = 'note:{theirs}'\n" * 500))
    process = warm.process
    cells, _ = warm.run(plain(SCAN.format(own=own)))
    assert own in cells[0].text and theirs not in cells[0].text and warm.process is process


def test_lines_for_the_shell_and_input_are_as_in_the_judge(warm):
    shell = "get_ipython().system('pip install torch')\nx = get_ipython().getoutput('ls')"
    cells, _ = warm.run(small(shell, "input()"))
    assert outcomes(cells) == ["passed", "passed", "failed", "passed", "passed"]


def test_an_error_that_is_not_shown_is_an_error(warm):
    """nbval looks only at what is shown; a kernel at the end of its threads can lose it."""
    cells, _ = warm.run(plain("get_ipython()._showtraceback = lambda *args, **kw: None", "1 / 0"))
    assert outcomes(cells) == ["passed", "failed", "passed"] and "ZeroDivisionError" in cells[1].text


def test_much_output_is_cut_and_harms_nothing(warm):
    below = "import os\nfor _ in range(500): os.write(1, b'y' * 100_000)"
    cells, how = warm.run(small("print('x' * 50_000_000)", below))
    assert how == "" and outcomes(cells) == ["passed"] * 5
    cells, how = warm.run(small("raise ValueError('<script>' * 1_000_000)"))
    assert how == "" and outcomes(cells) == ["passed", "failed", "passed", "passed"]
    assert cells[1].text.startswith("ValueError: <script>") and len(cells[1].text) <= 4000


def test_addresses_in_memory_are_not_told(warm):
    cells, _ = warm.run(small("raise ValueError(object())"))
    assert cells[1].text == "ValueError: <object object at 0x…>"


ENDS = {
    "os._exit": ("import os\nos._exit(0)", "the kernel died, in the cell that begins with `import os`"),
    "kill the kernel": ("import os, signal\nos.kill(os.getpid(), 9)", "the kernel died"),
    "crash": ("import ctypes\nctypes.string_at(0)", "the kernel died"),
}


@pytest.mark.parametrize("source, why", ENDS.values(), ids=ENDS)
def test_a_kernel_that_dies_is_told_and_what_came_before_counts(quick, source, why):
    cells, how = quick.run(notebook(code("1"), code(source), CHECK))
    assert outcomes(cells) == ["passed", "failed", "not run"]
    assert how.startswith(why) and cells[1].text == how
    assert nbval.verdicts(cells, EXERCISES)["output_size"] == (False, "output_size: its check was not run.")
    process = quick.process
    assert outcomes(quick.run(plain())[0]) == ["passed"]
    assert quick.process is process


HANGS = {
    "a loop": "while True: pass",
    "deaf to signals": "import signal\nfor n in range(1, 32):\n    n in (9, 19) or signal.signal(n, signal.SIG_IGN)\n"
    "while True: pass",
    "asleep with a thread": "import time, threading\nthreading.Thread(target=time.sleep, args=(99,)).start()\n"
    "time.sleep(99)",
    "stopped": "import os\nos.kill(os.getpid(), 19)",
}


@pytest.mark.parametrize("source", HANGS.values(), ids=HANGS)
def test_a_cell_that_hangs_is_ended(quick, source):
    cells, how = quick.run(plain("1", source))
    assert outcomes(cells) == ["passed", "failed", "not run"]
    assert how == f"a cell took longer than 3 s, in the cell that begins with `{source.splitlines()[0]}`"
    assert outcomes(quick.run(plain())[0]) == ["passed"]


def test_a_notebook_that_takes_too_long_is_ended():
    with nbval.Tester(Limits(cell=60, notebook=4), "none", load=()) as warm:
        cells, how = warm.run(plain(*["import time\ntime.sleep(1.5)"] * 6))
    assert how == "the notebook took longer than 4 s, in the cell that begins with `import time`"
    assert outcomes(cells)[0] == "passed" and outcomes(cells)[-1] == "not run"


def test_where_pytest_itself_hangs_the_grader_ends_it(monkeypatch):
    """Nothing looks at the time inside: the grader's own clock ends it, and the next notebook is tested anew."""
    monkeypatch.setattr(nbval, "GRACE", 1)
    limits = Limits(cell=2, notebook=60, start=30)
    with nbval.Tester(limits, "none", load=()) as warm:
        warm.wait_until_ready()
        os.kill(warm.process.pid, 19)
        before = warm.process
        warm.limits = Limits(cell=1, notebook=3)
        cells, how = warm.run(plain("1"))
        assert how == "the notebook took longer than 3 s, in the cell that begins with `1`"
        assert outcomes(cells) == ["not run", "not run"]
        assert before.poll() is not None
        monkeypatch.undo()
        warm.limits = limits
        assert outcomes(warm.run(plain())[0]) == ["passed"]


# Each raises where it fails, which is the good end: so the cell must be told as failed.
REACHES = {
    "solutions": "open({solutions!r}).read()",
    "tests": "import os\nos.listdir({tests!r})",
    "home": "import os\nos.lstat({home!r})",
    "a secret of the grader": "open({secret!r}).read()",
    "the graders' processes": "import os\nassert [name for name in os.listdir('/proc') if name.isdigit()]",
    "write among packages": "import numpy\nopen(numpy.__file__, 'a')",
    "write in the course": "open('/course/labkit/x', 'w')",
    "the network": "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)",
    "this machine": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)",
    "fork": "import os\nif os.fork() == 0: os._exit(0)",
    "a program": "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'true'], check=True)",
    "a namespace": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "a mount": "import ctypes\nassert ctypes.CDLL(None).mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) == 0",
    "root": "import os\nassert os.getuid() == 0",
    "root again": "import os\nos.setuid(0)",
    "end pytest": "import os, time\nos.kill(1, 9)\ntime.sleep(0.3)\nos.kill(1, 0)\nassert 0",
    "trace pytest": "import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
    "pytest's memory": "open('/proc/1/mem', 'rb').read(1)",
    "the disk": "with open('/tmp/a', 'wb') as one, open('/tmp/b', 'wb') as two:\n"
    "    for _ in range(40): one.write(bytes(2**20)); two.write(bytes(2**20))",
    "all memory": "held = bytearray(5 * 2**30)",
}


def test_nothing_outside_is_reached(shut, tmp_path):
    secret = tmp_path / "seed"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        things = {
            "solutions": str(HOUSE / "solutions" / "lab02_convolution_forward.py"),
            "tests": str(HOUSE / "tests"),
            "home": str(level.something_at_home(secret)),
            "secret": str(secret),
            "port": server.getsockname()[1],
        }
        names = list(REACHES)
        cells, how = shut.run(small(*(REACHES[name].format(**things) for name in names)))
    assert how == ""
    won = [name for name, cell in zip(names, cells[1:]) if cell.outcome != "failed"]
    assert won == []
    assert outcomes(cells)[-1] == "passed"


def test_the_kernel_has_no_rights_and_no_other_process(shut):
    look = """
import ctypes, os
header, held = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capget(header, held) == 0 and not any(held), list(held)
assert os.getppid() == 1 and os.getpid() == 2, (os.getppid(), os.getpid())
assert not [name for name in os.environ if "SECRET" in name or "TOKEN" in name]
"""
    cells, how = shut.run(small(look))
    assert (outcomes(cells), how) == (["passed"] * 4, ""), cells


BOMBS = {
    "pytest's limits": "import resource, time\nresource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))\n"
    "time.sleep(1)\nassert 0",
    "forks": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        raise",
    "threads": "import threading, time\nthreading.stack_size(32768)\n"
    "while True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
    "memory": "held = []\nwhile True: held.append(bytearray(2**24))",
    "recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef down(): down()\ndown()",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_its_own_notebook_alone(lean, source):
    start = time.monotonic()
    cells, how = lean.run(plain("1", source))
    assert time.monotonic() - start < LIMITS.start + LIMITS.notebook
    assert outcomes(cells)[0] == "passed" and outcomes(cells)[1] != "passed"
    assert how or outcomes(cells)[2] == "passed"
    assert outcomes(lean.run(plain())[0]) == ["passed"]


LIES = """
import os, json
line = {"outcome": "passed", "error": "", "text": "", "cell": "x", "notebook": "", "begins": "", "exercise": ""}
frames = (json.dumps(line) + "\\n").encode()
for number in range(1024):
    for data in (frames, b"D\\x00\\x00\\x00\\x04null", b"E" + bytes([0, 0, 0, 8]) + bytes(8), b"\\xff" * 4096):
        try:
            os.set_blocking(number, False)
            os.write(number, data)
        except OSError:
            break
"""


def test_lies_in_every_descriptor_pass_no_check(warm):
    cells, how = warm.run(small(LIES, answer=WRONG))
    assert len(cells) == 4
    assert outcomes(cells)[-1] != "passed", "a check passed although the answer is wrong"
    if how:
        assert "not run" in outcomes(cells)
    assert outcomes(warm.run(small())[0]) == ["passed"] * 3


MADE_UP = {
    "no JSON": b"{",
    "a list": b"[]",
    "another cell": json.dumps({"cell": "other", "outcome": "passed", "error": "", "text": ""}).encode(),
    "no outcome": json.dumps({"cell": "c", "outcome": "right", "error": "", "text": ""}).encode(),
    "a number": json.dumps({"cell": "c", "outcome": "failed", "error": 1, "text": ""}).encode(),
    "no reason": json.dumps({"cell": "c", "outcome": "stopped", "error": "tired", "text": ""}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("line", MADE_UP.values(), ids=MADE_UP)
def test_what_comes_back_is_not_believed(line):
    cell = code("1")
    cell.id = "c"
    with pytest.raises(wire.Malformed):
        nbval.believed(line, cell, LIMITS)


def test_a_process_that_ends_while_it_waits_is_started_again(quick):
    quick.wait_until_ready()
    quick.process.kill()
    quick.process.wait()
    assert outcomes(quick.run(plain())[0]) == ["passed"]


def test_a_process_that_cannot_start_is_the_machines_fault(monkeypatch):
    monkeypatch.setattr(nbval, "BOOT", "raise SystemExit('no torch here')")
    with nbval.Tester(LIMITS, "none", load=()) as warm, pytest.raises(JudgeError, match="did not start.*no torch here"):
        warm.run(small())


def test_so_many_cells_are_not_begun():
    warm = nbval.Tester(LIMITS, "none")
    assert warm.run(notebook(*(code("1") for _ in range(1001)))) == ((), "it has 1001 cells of code, more than 1000")
    assert warm.process is None


def test_without_a_fork_nbval_starts_the_kernel(monkeypatch):
    monkeypatch.setattr(nbval.Tester, "fork", False)
    with nbval.Tester(LIMITS, "none") as process:
        cells, how = process.run(small("no_such_name"))
    assert (outcomes(cells), how) == (["passed", "failed", "passed", "passed"], "")


@pytest.mark.parametrize("lab", ["lab02", "lab04"])
def test_a_whole_lab_with_its_solutions_passes(shut, lab):
    (path,) = (HOUSE / "solutions").glob(f"{lab}_*.ipynb")
    cells, how = shut.run(read(path))
    assert how == "" and set(outcomes(cells)) == {"passed"}
    exercises = [one for one in asked.exercises() if one.lab == lab]
    assert set(nbval.verdicts(cells, exercises).values()) == {(True, "")}
