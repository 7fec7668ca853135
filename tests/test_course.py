"""course.py, driven as a person does, in a folder of its own.

Its `.venv` is a real environment with three small fakes in it: `pip`, `jupyterlab` and `pytest` write down how they
were called and answer what the test asks them to. So everything but the installing itself is the real thing, and no
test needs a network. That the words the fake pip uses are pip's own is shown by two tests with the real pip.
"""

import ast
import errno
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SOURCE = PROJECT / "course.py"

FAKE = """
import json, os, sys, time
with open(os.environ["CALLS"], "a") as calls:
    told = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "JUPYTER_PREFER_ENV_PATH", "VIRTUAL_ENV", "PATH")}
    print(json.dumps({"tool": __package__, "args": sys.argv[1:], "folder": os.getcwd(), "env": told}), file=calls)
if __package__ == "pip":
    sys.stderr.write(os.environ.get("PIP_SAYS", ""))
    sys.stderr.flush()
    time.sleep(float(os.environ.get("PIP_SECONDS", 0)))
sys.exit(int(os.environ.get("STATUS_" + __package__, 0)))
"""

# What pip 23.2 to 26.3 wrote to stderr, one of its lines each, and what a person must be told.
PIP_FAILURES = {
    "no network": (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NameResolutionError(\"Failed to resolve\")'\n"
        "ERROR: No matching distribution found for torch==2.13.0\n",
        ["no connection to the package index", "same command again"],  # the cause, not what followed from it
    ),
    "disk full": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
        ["no space is left", "GB", "TMPDIR", "TORCH_INDEX"],
    ),
    "not permitted": (
        "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'\n",
        ["was not permitted", ".venv"],
    ),
    "no such package": (
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)\n"
        "ERROR: No matching distribution found for torch==2.13.0\n",
        ["found no torch==2.13.0 that fits", "Python {}.{}".format(*sys.version_info[:2])],
    ),
    "no such version": (
        "ERROR: Cannot install torch because these package versions have conflicting dependencies.\n"
        "ERROR: ResolutionImpossible: for help visit the documentation\n",
        ["found no torch that fits constraints.txt", "Python {}.{}".format(*sys.version_info[:2])],
    ),
    "anything else": ("ERROR: the moon is full\n", ["pip could not install torch", "stand above"]),
}


class Workshop:
    """A course folder in which course.py runs, and a record of what it started."""

    def __init__(self, root: Path):
        self.root = root
        self.log = root.parent / "calls.jsonl"

    def environment(self, **extra: str) -> dict[str, str]:
        foreign = ("TORCH_INDEX", "PYTHONPATH", "KERAS_BACKEND", "JUPYTER_PREFER_ENV_PATH", "VIRTUAL_ENV")
        env = {key: value for key, value in os.environ.items() if key not in foreign}
        return {**env, "CALLS": str(self.log), **extra}

    def run(self, *args: str, **extra: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, str(self.root / "course.py"), *args],
            cwd=self.root.parent,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def calls(self, tool: str | None = None) -> list[dict]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines]
        return [call for call in found if tool in (None, call["tool"])]

    def module(self):
        """course.py of this folder, loaded into this process."""
        spec = importlib.util.spec_from_file_location("course_under_test", self.root / "course.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


@pytest.fixture(scope="module")
def environment_with_fakes(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
    for name in ("pip", "jupyterlab", "pytest"):
        (packages / name).mkdir()
        (packages / name / "__init__.py").touch()
        (packages / name / "__main__.py").write_text(FAKE)
    return folder


@pytest.fixture
def bare(tmp_path) -> Workshop:
    """The course folder as it comes, with no environment yet."""
    root = tmp_path / "course folder"  # with a space, as people have
    (root / "notebooks").mkdir(parents=True)
    (root / "tests").mkdir()
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, root / name)
    return Workshop(root)


@pytest.fixture
def workshop(bare, environment_with_fakes) -> Workshop:
    """The course folder with an environment into which nothing is installed yet."""
    shutil.copytree(environment_with_fakes, bare.root / ".venv", symlinks=True)
    return bare


def told(result: subprocess.CompletedProcess) -> str:
    """The sentence at the end of stderr, after checking that it is one and that the status says so."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("course.py: ") and last.endswith("."), result.stderr
    return last


# --- what it does when all is well ------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_it_explains_itself(bare, args):
    result = bare.run(*args)
    assert result.returncode == 0 and not result.stderr
    assert all(word in result.stdout for word in ("lab", "test", "JupyterLab", "pytest", "TORCH_INDEX", ".venv"))
    assert not (bare.root / ".venv").exists()


@pytest.mark.parametrize("args", [["lab", "--help"], ["test", "--help"], ["test", "-h"]])
def test_each_command_explains_itself(bare, args):
    result = bare.run(*args)
    assert result.returncode == 0 and "usage: course.py " + args[0] in result.stdout
    assert not (bare.root / ".venv").exists()


def test_torch_comes_first_and_alone_then_the_course(workshop):
    assert workshop.run("lab").returncode == 0
    first, second, start = workshop.calls()
    pinned = ["install", "--no-input", "--disable-pip-version-check", "-c", "constraints.txt"]
    assert (first["tool"], first["args"]) == ("pip", [*pinned, "torch"])
    assert (second["tool"], second["args"]) == ("pip", [*pinned, "-e", ".[test]"])
    assert first["folder"] == second["folder"] == str(workshop.root)
    assert start["tool"] == "jupyterlab"


def test_a_students_copy_is_installed_without_the_test_tools(workshop):
    (workshop.root / "tests").rmdir()
    assert workshop.run("lab").returncode == 0
    assert workshop.calls("pip")[1]["args"][-2:] == ["-e", "."]


def test_lab_opens_the_notebooks_folder_on_torch_with_its_own_settings(workshop):
    result = workshop.run("lab")
    (start,) = workshop.calls("jupyterlab")
    root_dir, manager = start["args"][:2]
    assert root_dir == "--ServerApp.root_dir=" + str(workshop.root / "notebooks")
    assert manager == "--LabApp.extension_manager=readonly"
    assert set(start["args"][2:]) <= {"--allow-root"}
    assert start["env"]["KERAS_BACKEND"] == "torch" and start["env"]["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert start["env"]["VIRTUAL_ENV"] == str(workshop.root / ".venv")
    # so that `labkit` and `python` in a terminal of JupyterLab are those of the course
    assert start["env"]["PATH"].split(os.pathsep)[0] == str(workshop.module().environment_python().parent)
    # nothing is passed that is not shown
    assert " ".join(start["args"]) in result.stdout


def test_the_callers_own_keras_backend_does_not_reach_the_course(workshop):
    workshop.run("test", KERAS_BACKEND="jax")
    assert workshop.calls("pytest")[0]["env"]["KERAS_BACKEND"] == "torch"


def test_port_and_browser_are_passed_on(workshop):
    port = str(free_port())
    workshop.run("lab", "--port", port, "--no-browser")
    (start,) = workshop.calls("jupyterlab")
    assert [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--no-browser"] == start["args"][2:5]


def test_test_hands_its_arguments_to_pytest_untouched(workshop):
    given = ["-k", "data and not slow", "-x", "--port", "tests/test_data.py", "--", "-h"]
    workshop.run("test", *given)
    (start,) = workshop.calls("pytest")
    assert start["args"] == [*workshop.module().PARALLEL, *given] and start["folder"] == str(workshop.root)


@pytest.mark.parametrize("status", [0, 1, 5])
def test_pytests_exit_status_comes_back(workshop, status):
    assert workshop.run("test", STATUS_pytest=str(status)).returncode == status


def test_the_second_call_installs_nothing(workshop):
    workshop.run("lab")
    result = workshop.run("test", "-q")
    assert len(workshop.calls("pip")) == 2
    assert workshop.calls("pytest")[0]["args"][-1] == "-q"
    assert "Installing" not in result.stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_is_installed(workshop, name):
    workshop.run("test")
    with open(workshop.root / name, "a") as file:
        file.write("# changed\n")
    workshop.run("test")
    workshop.run("test")
    assert len(workshop.calls("pip")) == 4


def test_a_damaged_stamp_installs_again(workshop):
    workshop.run("test")
    for damage in ("{", "[1, 2]", ""):
        workshop.module().STAMP.write_text(damage)
        assert workshop.run("test").returncode == 0
    assert len(workshop.calls("pip")) == 8


def test_torch_index_is_for_torch_alone(workshop):
    assert workshop.run("test", TORCH_INDEX="https://example.org/cpu").returncode == 0
    torch, course = workshop.calls("pip")
    assert torch["args"][-3:] == ["--index-url", "https://example.org/cpu", "torch"]
    assert "--index-url" not in course["args"]


def test_torch_index_need_not_be_set_again(workshop):
    workshop.run("test", TORCH_INDEX="https://example.org/cpu")
    workshop.run("test")
    assert len(workshop.calls("pip")) == 2
    with open(workshop.root / "constraints.txt", "a") as file:
        file.write("# changed\n")
    workshop.run("test")  # and a later install remembers it
    assert workshop.calls("pip")[2]["args"][-3:-1] == ["--index-url", "https://example.org/cpu"]


# --- why .venv is made anew -------------------------------------------------------------------------------------------


def reason(workshop: Workshop, **torch: str) -> str:
    course = workshop.module()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TORCH_INDEX", raising=False)
        for name, value in torch.items():
            patch.setenv(name, value)
        stamp = course.read_stamp()
        return course.reason_to_make_anew(stamp, course.wanted_stamp(stamp))


def test_a_good_environment_is_kept(workshop):
    assert reason(workshop) == ""
    workshop.run("test")
    assert reason(workshop) == ""


def test_another_torch_index_needs_a_new_environment(workshop):
    # pip would see a torch that satisfies the pin and leave the old build in place
    workshop.run("test")
    assert "TORCH_INDEX" in reason(workshop, TORCH_INDEX="https://example.org/cpu")


def test_a_moved_or_copied_folder_needs_a_new_environment(workshop):
    # the installed package and the commands point at the old place
    workshop.run("test")
    copy = workshop.root.with_name("copy")
    shutil.copytree(workshop.root, copy, symlinks=True)
    assert "moved or copied" in reason(Workshop(copy))


def test_an_environment_whose_python_is_gone_is_broken(workshop):
    workshop.run("test")
    python = workshop.module().environment_python()
    python.unlink()
    python.symlink_to(workshop.root / "no such python")
    assert "broken" in reason(workshop)


def test_an_environment_without_pip_is_broken(workshop):
    shutil.rmtree(next((workshop.root / ".venv").glob("[lL]ib/**/site-packages/pip")))
    assert "broken" in reason(workshop)


def test_an_environment_of_another_python_is_made_anew(workshop, monkeypatch):
    course = workshop.module()
    monkeypatch.setattr(course.sys, "version_info", (3, 99, 0))
    assert "another Python" in course.reason_to_make_anew({}, course.wanted_stamp({}))


def test_a_broken_environment_is_made_anew_and_the_real_pip_finds_no_network(bare):
    (bare.root / ".venv" / "bin").mkdir(parents=True)
    (bare.root / ".venv" / "bin" / "python").write_text("not a program")
    (bare.root / ".venv" / "left over").touch()
    result = bare.run("test", **nowhere())
    assert "broken" in result.stdout and "Retrying" in result.stderr
    assert "no connection" in told(result)
    assert not (bare.root / ".venv" / "left over").exists()
    assert reason(bare) == ""  # what was made is sound, and is gone on with


def test_the_real_pip_finds_no_such_torch(bare, tmp_path, monkeypatch):
    course = bare.module()
    (bare.root / "constraints.txt").write_text("torch==0.0.1\n")
    for name, value in nowhere().items():
        monkeypatch.setenv(name, value)
    offline = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / "target")]
    code, words = course.call([sys.executable, "-m", "pip", "install", *offline, "-c", "constraints.txt", "torch"])
    assert code and "found no torch" in course.explain(words)


def nowhere() -> dict[str, str]:
    """Variables under which pip finds no package anywhere: its index is a port of this computer nobody listens on."""
    pip = {name: "" for name in os.environ if name.startswith("PIP_")}
    proxies = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    return {
        **pip,
        **proxies,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple",
        "PIP_RETRIES": "1",
        "PIP_TIMEOUT": "5",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- what can be wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", PIP_FAILURES)
def test_a_failed_install_ends_with_its_cause(workshop, cause):
    words, expected = PIP_FAILURES[cause]
    result = workshop.run("test", PIP_SAYS=words, STATUS_pip="1")
    sentence = told(result)
    assert all(word in sentence for word in expected), sentence
    assert result.stderr.index(words) < result.stderr.index(sentence)  # pip's own words stay, above
    assert not workshop.calls("pytest")
    assert workshop.run("test").returncode == 0 and len(workshop.calls("pip")) == 3  # the next call goes on


def test_every_cause_has_its_own_sentence(workshop):
    explain = workshop.module().explain
    sentences = {explain(words) for words, _ in PIP_FAILURES.values()}
    assert len(sentences) == len(PIP_FAILURES)


def test_a_warning_of_pip_is_no_failure(workshop):
    assert workshop.run("test", PIP_SAYS=PIP_FAILURES["no network"][0]).returncode == 0


def test_a_failed_update_is_not_taken_for_done(workshop):
    workshop.run("test")
    constraints = workshop.root / "constraints.txt"
    before = constraints.read_text()
    constraints.write_text(before + "# changed\n")
    told(workshop.run("test", STATUS_pip="1"))
    constraints.write_text(before)  # back to what was installed: but who knows what the failed update left
    workshop.run("test")
    assert len(workshop.calls("pip")) == 2 + 1 + 2


def test_torch_index_is_named_where_it_may_be_the_cause(workshop):
    for cause in ("no network", "no such package", "no such version"):
        words = PIP_FAILURES[cause][0]
        result = workshop.run("test", PIP_SAYS=words, STATUS_pip="1", TORCH_INDEX="https://example.org/cpu")
        assert "TORCH_INDEX (https://example.org/cpu)" in told(result)


@pytest.mark.skipif(os.name == "nt", reason="a test cannot send Ctrl-C to one process there")
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "course.py alone"])
def test_ctrl_c_stops_the_install_which_goes_on_next_time(workshop, whole_group):
    process = subprocess.Popen(
        [sys.executable, str(workshop.root / "course.py"), "test"],
        env=workshop.environment(PIP_SECONDS="60"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not workshop.calls("pip"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    send = os.killpg if whole_group else os.kill
    send(process.pid, signal.SIGINT)
    _, words = process.communicate(timeout=30)
    assert process.returncode == 130
    assert words.strip().splitlines()[-1].startswith("course.py: stopped by Ctrl-C.")
    with pytest.raises(ProcessLookupError):  # nothing is left running
        os.killpg(process.pid, 0)
    assert workshop.run("test").returncode == 0 and workshop.calls("pytest")


def test_an_old_python_is_told(workshop, monkeypatch, capsys):
    course = workshop.module()
    monkeypatch.setattr(course.sys, "version_info", (3, 6, 15, "final", 0))
    assert course.main(["test"]) == 2
    words = capsys.readouterr().err
    assert "this is Python 3.6" in words and "needs {}.{} or newer".format(*course.OLDEST_PYTHON) in words
    assert not workshop.calls()


def test_an_old_python_can_read_course_py():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        # `X | Y` and `list[str]` parse there, but fail when the function is defined
        for annotation in filter(None, [getattr(node, "annotation", None), getattr(node, "returns", None)]):
            for part in ast.walk(annotation):
                assert not isinstance(part, ast.BinOp), ast.unparse(annotation)
                builtin = isinstance(part, ast.Subscript) and part.value.id in ("list", "dict", "tuple", "set", "type")
                assert not builtin, ast.unparse(annotation)


@pytest.mark.parametrize("name", ["python3.6", "python3.7", "python3.8", "python3.9", "python3.10"])
def test_a_real_old_python_is_told(bare, name):
    found = shutil.which(name)
    if found is None or subprocess.run([found, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"{name} is not on this machine")
    result = subprocess.run([found, str(bare.root / "course.py"), "lab"], stderr=subprocess.PIPE, text=True)
    assert f"this is Python {name[6:]}" in told(result)


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_a_python_that_cannot_make_environments_is_told(bare, monkeypatch, capsys, module):
    monkeypatch.setitem(sys.modules, module, None)  # as on Debian without python3-venv
    assert bare.module().main(["test"]) == 2
    words = capsys.readouterr().err
    assert f"its module {module} is missing" in words and "python3-venv" in words
    assert not (bare.root / ".venv").exists()


def test_a_full_disk_is_told_before_anything_is_made(bare, monkeypatch, capsys):
    course = bare.module()
    usage = shutil.disk_usage(bare.root)
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage._replace(free=1_500_000_000))
    assert course.main(["lab"]) == 2
    words = capsys.readouterr().err
    assert "1.5 GB free" in words and f"{course.FREE_GB} GB" in words
    assert not (bare.root / ".venv").exists()


def test_a_nearly_full_disk_does_not_stop_a_finished_environment(workshop, monkeypatch):
    workshop.run("test")
    course = workshop.module()
    usage = shutil.disk_usage(workshop.root)
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    course.prepare()
    assert len(workshop.calls("pip")) == 2


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, ["cannot be written to", "folder of your own"]),
        (errno.EROFS, ["cannot be written to", "folder of your own"]),
        (errno.ENOSPC, ["no space is left"]),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_told(bare, monkeypatch, capsys, number, words):
    course = bare.module()

    def refuse(**kwargs):
        raise OSError(number, os.strerror(number), str(kwargs["dir"]))

    monkeypatch.setattr(course.tempfile, "TemporaryFile", refuse)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    assert course.main(["test"]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert not (bare.root / ".venv").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_told(bare):
    bare.root.chmod(0o555)
    try:
        assert "cannot be written to" in told(bare.run("test"))
    finally:
        bare.root.chmod(0o755)


def test_a_busy_port_is_told_before_anything_is_installed(workshop):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = told(workshop.run("lab", "--port", str(port)))
    assert f"port {port} is busy" in sentence and "--port" in sentence
    assert not workshop.calls()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8888.0", "http"])
def test_what_is_no_port_is_told(bare, port):
    result = bare.run("lab", "--port", port)
    assert result.returncode == 2 and "--port" in result.stderr


@pytest.mark.parametrize(("command", "folder"), [("lab", "notebooks"), ("test", "tests")])
def test_a_missing_folder_is_told_before_anything_is_installed(workshop, command, folder):
    (workshop.root / folder).rmdir()
    sentence = told(workshop.run(command))
    assert f"folder {folder}" in sentence and str(workshop.root) in sentence
    assert not workshop.calls()


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_missing_file_is_told(workshop, name):
    (workshop.root / name).unlink()
    assert f"{name} is missing" in told(workshop.run("test"))
    assert not workshop.calls()


@pytest.mark.parametrize(
    ("args", "word"), [(["labs"], "labs"), (["lab", "--prot", "8888"], "--prot"), (["lab", "extra"], "extra")]
)
def test_an_unknown_word_is_told(bare, args, word):
    result = bare.run(*args)
    assert result.returncode == 2 and word in result.stderr
    assert not (bare.root / ".venv").exists()


# --- the real JupyterLab ----------------------------------------------------------------------------------------------


def test_the_settings_are_where_jupyterlab_looks_and_are_ones_it_knows(bare):
    from jupyterlab.commands import get_app_dir

    course = bare.module()
    course.write_overrides(bare.root)
    (written,) = (path.relative_to(bare.root) for path in bare.root.glob("share/**/*.json"))
    assert Path(sys.prefix) / written == Path(get_app_dir()) / "settings" / "overrides.json"
    for plugin, settings in json.loads((bare.root / written).read_text()).items():
        package, name = plugin.split(":")
        schema = json.loads((Path(get_app_dir()) / "schemas" / package / f"{name}.json").read_text())
        for key, value in settings.items():
            accepted = schema["properties"][key]
            assert isinstance(value, {"boolean": bool, "string": str}[accepted["type"]])
            assert "oneOf" not in accepted or value in [choice["const"] for choice in accepted["oneOf"]]


def test_jupyterlab_starts_as_asked(bare, tmp_path):
    (bare.root / "notebooks" / "welcome.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4}')
    port = free_port()
    command = bare.module().lab_command(Path(sys.executable), bare.root / "notebooks", port, browser=False)
    env = {**bare.environment(), "HOME": str(tmp_path), "JUPYTER_TOKEN": "open"}
    with open(tmp_path / "words", "w+") as words:
        server = subprocess.Popen(command, cwd=bare.root, env=env, stdout=words, stderr=subprocess.STDOUT)
        try:
            listing = patiently(f"http://127.0.0.1:{port}/api/contents?token=open", server)
        finally:
            server.terminate()
            server.wait(30)
        words.seek(0)
        said = words.read()
    assert [entry["name"] for entry in listing["content"]] == ["welcome.ipynb"]
    assert "/lab/tree/welcome.ipynb" in said  # the page that opens first
    assert "Extension Manager is 'readonly'" in said and "Unrecognized" not in said


def patiently(url: str, server: subprocess.Popen) -> dict:
    """The answer of a server that is about to start."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, "JupyterLab does not answer"
            time.sleep(0.2)


def test_oldest_python_is_the_packages(bare):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">={}.{}".format(*bare.module().OLDEST_PYTHON)
