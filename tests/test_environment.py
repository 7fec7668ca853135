"""pyproject.toml, constraints.txt, environment.yml and course.py say the same; the package holds all of labkit."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))

SLOW_OTHERWISE = {"jsonschema"}  # nobody's direct dependency; constraints.txt says why
CONDA_NAMES = {"pytorch-cpu": "torch"}  # the same package under conda-forge's name


def by_name(lines: list[str], names: dict[str, str] | None = None) -> dict[str, SpecifierSet]:
    """The requirements of `lines` by name; a name listed twice fails."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        name = canonicalize_name((names or {}).get(requirement.name, requirement.name))
        assert name not in found, f"{name} is listed twice"
        found[name] = requirement.specifier
    return found


def needed() -> dict[str, SpecifierSet]:
    return by_name(PYPROJECT["project"]["dependencies"])


def needed_for_tests() -> dict[str, SpecifierSet]:
    return by_name(PYPROJECT["project"]["optional-dependencies"]["test"])


def pins() -> dict[str, SpecifierSet]:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return by_name([line for line in lines if line.strip() and not line.startswith("#")])


def conda() -> dict[str, SpecifierSet]:
    return by_name([line for line in CONDA["dependencies"] if isinstance(line, str)], CONDA_NAMES)


def version_of(pin: SpecifierSet) -> Version:
    (only,) = pin
    assert only.operator == "==" and "*" not in only.version, f"{pin} is no exact pin"
    return Version(only.version)


def test_conda_lists_what_the_package_needs_with_the_same_floors_and_caps():
    listed = conda()
    assert listed.pop("python") == SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert listed.pop("pip") == SpecifierSet()
    assert listed == needed()


def test_conda_installs_the_course_itself_on_torch_from_conda_forge():
    (pip,) = [part for part in CONDA["dependencies"] if isinstance(part, dict)]
    assert pip == {"pip": ["-e ."]}
    assert CONDA["variables"] == {"KERAS_BACKEND": "torch"}
    assert CONDA["channels"][0] == "conda-forge"
    assert "pytorch-cpu" in " ".join(map(str, CONDA["dependencies"]))


def test_every_direct_dependency_is_pinned_and_nothing_else_but_what_is_slow_to_start():
    assert not needed().keys() & needed_for_tests().keys()
    assert pins().keys() == needed().keys() | needed_for_tests().keys() | SLOW_OTHERWISE


def test_nbformat_does_not_build_a_grammar_at_each_start():
    code = "import sys, nbformat; print('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"]


def test_every_pin_is_allowed():
    allowed = needed() | needed_for_tests()
    for name, pin in pins().items():
        assert name in SLOW_OTHERWISE or allowed[name].contains(version_of(pin)), f"{name}{pin} is outside {allowed[name]}"


def test_every_dependency_has_a_floor():
    for name, specifier in (needed() | needed_for_tests()).items():
        assert any(part.operator == ">=" for part in specifier), f"{name} has no floor"


def test_the_oldest_python_is_the_one_the_pinned_packages_ask_for():
    floors = {name: SpecifierSet(importlib.metadata.metadata(name).get("Requires-Python", "")) for name in pins()}
    oldest = Version(PYPROJECT["project"]["requires-python"].removeprefix(">="))
    refusing = [name for name, floor in floors.items() if not floor.contains(f"{oldest}.9")]
    assert not refusing, f"Python {oldest} is promised, but refused by {refusing}"
    before = f"{oldest.major}.{oldest.minor - 1}.9"
    assert any(not floor.contains(before) for floor in floors.values()), f"{before} would do as well"


@pytest.mark.skipif(Path(sys.prefix) != PROJECT / ".venv", reason="only .venv is made from constraints.txt")
def test_what_is_installed_is_what_is_pinned():
    installed = {name: Version(importlib.metadata.version(name)) for name in pins()}
    assert {name: Version(version.public) for name, version in installed.items()} == {
        name: version_of(pin) for name, pin in pins().items()
    }


def test_the_package_holds_every_file_of_labkit_and_nothing_of_the_solutions(tmp_path):
    source = tmp_path / "source"
    generated = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")
    for name in ("labkit", "notebooks", "solutions", "tests"):
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, source / name, ignore=generated)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(PROJECT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", str(source), "--wheel-dir", str(tmp_path)]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, *offline], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (entry_points,) = [name for name in held if name.endswith("/entry_points.txt")]
        commands = archive.read(entry_points).decode()
    files = {path.relative_to(source).as_posix() for path in (source / "labkit").rglob("*") if path.is_file()}
    assert {name for name in held if ".dist-info/" not in name} == files
    assert {"labkit/data/mnist-mini.npz", "labkit/data/fashion-mnist-mini.npz", "labkit/data/LICENSES.md"} <= held
    licences = {name.split("/licenses/")[1] for name in held if "/licenses/" in name}
    assert licences == {"LICENSE", "labkit/data/LICENSES.md"}
    assert "labkit = labkit.cli:main" in commands


@pytest.fixture
def small_course(pytester) -> Path:
    """A folder with the project's pytest settings, and something pytest could run in every corner."""
    shutil.copy(PROJECT / "pyproject.toml", pytester.path)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    for folder in ("tests", "solutions", "notebooks", "build", ".venv"):
        pytester.mkdir(folder)
        Path(folder, f"test_{folder.strip('.')}.py").write_text("def test_one(): pass\n")
        nbformat.write(book, Path(folder, "lab.ipynb"))
    return pytester.path


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], {"tests/test_tests.py"}),
        (["--nbval", "."], {"tests/test_tests.py", "tests/lab.ipynb"}),
        (["--nbval", "solutions"], {"solutions/test_solutions.py", "solutions/lab.ipynb"}),
    ],
)
def test_pytest_leaves_notebooks_and_solutions_alone_unless_they_are_named(small_course, pytester, args, expected):
    done = pytester.runpytest_inprocess("--collect-only", "-q", *args)
    assert done.ret == 0
    assert {line.split("::")[0] for line in done.outlines if "::" in line} == expected


def test_the_readme_names_only_commands_there_are():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    labkit_commands = set(re.findall(r"`labkit (\w+)", readme)) | set(re.findall(r"^ *labkit (\w+)", readme, re.M))
    course_commands = set(re.findall(r"python3? course\.py (\w+)", readme))
    told = subprocess.run([sys.executable, "-m", "labkit", "--help"], cwd=PROJECT, capture_output=True, text=True)
    assert labkit_commands and labkit_commands <= set(re.findall(r"^ {4}(\w+)", told.stdout, re.M))
    assert course_commands == {"lab", "test"}


# --- .ci/run ----------------------------------------------------------------------------------------------------------

needs_bash = pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason=".ci/run needs bash")


def run_ci(tmp_path: Path, *tools: str) -> tuple[subprocess.CompletedProcess, list[str]]:
    """.ci/run where only `tools` and a python3 exist; each writes down how it was called, python3 answers 7."""
    bash = shutil.which("bash")
    folder, log = tmp_path / "bin", tmp_path / "log"
    folder.mkdir()
    log.touch()
    needs = "echo needs: $LABKIT_REQUIRE_BROWSER $LABKIT_REQUIRE_SANDBOX"
    does = {"python3": f"{needs}; exit 7", "sudo": 'exec "$@"'}
    for name in (*tools, "python3"):
        (folder / name).write_text(f'#!{bash}\necho "{name} $*" >>"{log}"\n{does.get(name, "")}\n')
        (folder / name).chmod(0o755)
    for name in ("dirname", "id"):
        (folder / name).symlink_to(shutil.which(name))
    result = subprocess.run(
        [bash, str(PROJECT / ".ci" / "run")],
        env={"PATH": str(folder)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return result, log.read_text().splitlines()


@needs_bash
def test_ci_runs_what_the_readme_says_and_needs_a_browser_and_a_sandbox(tmp_path):
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
    result, calls = run_ci(tmp_path, "chromium", "bwrap")
    assert calls == ["python3 course.py test"]
    assert result.stdout == "needs: 1 1\n" and result.returncode == 7  # the tests' own status comes back


@needs_bash
@pytest.mark.parametrize(
    ("there", "missing"), [((), " chromium bubblewrap"), (("bwrap",), " chromium"), (("chromium",), " bubblewrap")]
)
def test_ci_installs_what_is_missing(tmp_path, there, missing):
    _, calls = run_ci(tmp_path, "apt-get", "sudo", *there)
    calls = [call for call in calls if not call.startswith("sudo")]
    assert [call.split()[1] for call in calls] == ["update", "install", "course.py"]
    assert calls[1].endswith(f"--no-install-recommends{missing}")


@needs_bash
def test_ci_says_so_where_it_cannot_install(tmp_path):
    result, calls = run_ci(tmp_path)
    assert result.returncode == 2 and "No chromium bubblewrap" in result.stderr and calls == []
