"""`labkit audit`: known mistakes looked for in code that nobody wrote for the course."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import kinds
import nbformat
import numpy as np
import pytest
from answers.lab02 import WRONG
from small_course import code, notebook
from strangers import HOSTILE, MODULE, UTILITIES, student_notebook

import labkit
from labkit import asked, cli
from labkit.asked import Case
from labkit.audit import runs, source, trying, words
from labkit.audit.fitting import fitted, parameters
from labkit.audit.functions import Signature, functions
from labkit.audit.source import Piece
from labkit.audit.statements import statements
from labkit.audit.telling import beyond_elementary, shared_words
from labkit.audit.trying import audit
from labkit.checks.running import run as run_answer
from labkit.errors import CommandError
from labkit.grading.child import packed
from labkit.grading.limits import Limits
from labkit.grading.process import Answer, Collected
from labkit.references import reference

HOUSE = Path(__file__).resolve().parent.parent
ALL_LABS = asked.LABS
NAMES = [one.name for one in asked.exercises() if one.lab == "lab02"]


def written(folder: Path, content, name: str = "theirs.py") -> Path:
    path = folder / name
    if isinstance(content, nbformat.NotebookNode):
        path = path.with_suffix(".ipynb")
        nbformat.write(content, path)
    else:
        path.write_text(textwrap.dedent(content), encoding="utf-8")
    return path


def run(capsys, *words):
    """(exit status, stdout, stderr) of `labkit audit` in this process."""
    status = cli.main(["audit", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


def one_finding(found, name):
    (finding,) = found.findings[name]
    return finding


def mistakes(found, name):
    return [mistake for mistake, _ in one_finding(found, name).report.mistakes]


def part(out: str, name: str) -> str:
    """The block on one function."""
    (block,) = [block for block in out.split("\n\n") if block.startswith(f"{name}  ")]
    return block


@pytest.fixture(scope="module", autouse=True)
def one_lab():
    """Mechanics are shown on one lab, which is quicker; what must hold for all says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked, "LABS", ("lab02",))
        yield


# A student's notebook ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """The command on the notebook, as from a terminal: (path, status, stdout, stderr)."""
    path = written(tmp_path_factory.mktemp("student"), student_notebook())
    done = subprocess.run(
        [sys.executable, "-m", "labkit", "audit", path], capture_output=True, encoding="utf-8", cwd=HOUSE
    )
    return path, done.returncode, done.stdout, done.stderr


def test_a_notebook_is_summed_up_in_one_line(student):
    _, status, out, err = student
    assert status == 1
    assert "no sandbox" in err and err.count("\n") == 1
    last = "9 functions: 1 right, 2 with known mistakes, 3 could not be run, 3 like no exercise"
    assert out.splitlines()[-1] == last


def test_a_function_with_an_exercises_name_gets_the_whole_report(student):
    told = part(student[2], "zero_pad")
    assert told.startswith("zero_pad  code cell 4, line 3  zero_pad\n  zero_pad is wrong in 4 of 6 cases.")
    assert "You padded every axis, images and channels too." in told
    assert "Smallest one: zero_pad(x=[[[1, 2]], [[3, 4]]], padding=1)" in told
    assert "three axes: out has shape (7, 8, 6); expected (3, 8, 6)" in told
    assert "Its parameters are (X, pad), the exercise's (x, padding): passed by position." in told


def test_a_known_mistake_is_found_under_another_name(student):
    told = part(student[2], "convolve_layer")
    assert "code cell 5, line 2  conv2d_forward" in told
    assert "convolve_layer behaves like conv2d_forward with 1 known mistake." in told
    assert "You rotated the kernel by 180°." in told
    assert "yours is 1·(-1) + 2·0 + 0·2 + 1·1 = 0" in told


def test_a_right_answer_is_found_under_another_name_and_line_numbers_hold_below_magics(student):
    told = part(student[2], "apply_filter")
    assert "code cell 6, line 3  corr2d" in told and "apply_filter is a right corr2d" in told


def test_what_could_not_be_run_is_told_once_with_its_reason(student):
    out = student[2]
    assert "scaled (code cell 9, line 2) needs weights, which raised ValueError: cannot reshape" in out
    assert "on_the_gpu (code cell 9, line 5) needs torch, which audit does not load." in out
    assert "classify (code cell 9, line 8) needs model, which a statement sets that audit does not run" in out
    assert all(out.count(f"{name} (") == 1 for name in ("scaled", "on_the_gpu", "classify"))


def test_the_rest_is_counted(student):
    out = student[2]
    assert "Like no exercise: max_pool, edges, never_defined_before." in out
    assert "12 statements outside functions not run" in out
    assert "1 code cell left out: no Python 3." in out


def test_the_same_file_is_told_the_same_twice(student, capsys):
    path, status, out, _ = student
    assert run(capsys, path)[:2] == (status, out)


def test_other_seeds_draw_other_numbers(tmp_path):
    path = written(tmp_path, "def output_size(size, kernel, stride=1, padding=0):\n    return size")
    failed = [one_finding(audit(path, [], seed), "output_size").report.failed for seed in (0, 0, 1)]
    assert failed[0] == failed[1] != failed[2]


# A module ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return audit(written(tmp_path_factory.mktemp("module"), MODULE), ["corr2d=turned", "conv2d_forward=turned"])


def test_a_module_with_an_import_from_the_future_and_a_fallback(module):
    finding = one_finding(module, "conv_general")
    assert finding.report.passed and finding.ask.exercise.name == "conv2d_forward"


def test_partials_and_lambdas_are_functions(module):
    assert one_finding(module, "conv_layer").report.passed
    assert mistakes(module, "out_width") == ["plus_one_forgotten", "guard_never_fires"]
    assert mistakes(module, "same") == ["even_kernel_accepted"]


def test_as_asks_one_function_several_exercises(module):
    first, second = module.findings["turned"]
    assert [first.ask.exercise.name, second.ask.exercise.name] == ["corr2d", "conv2d_forward"]
    assert first.state == "unknown" and [name for name, _ in second.report.mistakes] == ["rotated_kernel"]
    assert words.verdict(first) == "turned is wrong as corr2d, in 6 of 8 cases."
    assert words.worst(module, "turned") == "unknown"


def test_classes_are_not_counted_unless_asked_for(module):
    assert "Net" not in [one.name for one in module.functions]


# Signatures ----------------------------------------------------------------------------------------


def test_a_function_that_requires_a_bias_is_given_the_cases_that_have_one(tmp_path, capsys):
    path = written(
        tmp_path,
        """
        import numpy as np
        def conv_step(x, w, b, s, p):
            x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
            win = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::s, ::s]
            return np.einsum("nchwij,fcij->nfhw", win, w).astype(x.dtype) - b[:, None, None]
        """,
    )
    status, out, _ = run(capsys, path)
    assert status == 1 and "You subtracted the bias. Add it." in out
    assert "It was given the 4 cases of 15 that it can take." in out


def test_cases_are_rewritten_for_other_parameters():
    cases = asked.exercise("conv2d_forward").inputs(np.random.default_rng(0))
    takes = parameters(reference(asked.exercise("conv2d_forward")).answer)
    assert list(takes) == ["x", "w", "b", "stride", "padding"]
    own = Signature(("x", "w", "b", "stride", "padding", "extra"), 2)
    assert fitted(own, takes, cases) is cases and fitted(None, takes, cases) is cases
    other = fitted(Signature(("a", "k", "bias", "s", "p"), 2), takes, cases)
    assert other.keys() == cases.keys() and not any(case.keywords for case in other.values())
    assert list(other["padding"].args) == ["x", "w", "b", "stride", "padding"]
    assert [other["padding"].args[name] for name in ("b", "stride", "padding")] == [None, 1, 1]
    short = fitted(Signature(("a", "k"), 2), takes, cases)
    assert "defaults" in short and not {"bias", "stride", "padding"} & short.keys()
    assert fitted(Signature(("a",), 1), takes, cases) == {}
    assert fitted(Signature(("a", "b", "c", "d", "e", "f"), 6), takes, cases) == {}
    assert fitted(Signature((), 0, more=True), takes, cases).keys() == cases.keys()


def test_cases_that_are_no_parameters_stay_as_they_are():
    cases = {"one": Case("", {"candidates": [1, 2]})}
    assert fitted(Signature(("f",), 1), {"candidate": 0}, cases) is cases
    assert parameters(lambda *args, **more: None) == {}


def read_functions(text):
    text = textwrap.dedent(text)
    kept, _ = statements([Piece(0, text, ast.parse(text))])
    return functions(kept)


def test_signatures_are_read_from_the_text():
    found = read_functions(
        """
        import functools, os
        def plain(x, w, b=None, /, s=1, *, flag=False): pass
        def more(x, *rest): pass
        def must(x, *, flag): pass
        half = functools.partial(plain, 1)
        named = functools.partial(plain, s=2)
        broken = functools.partial(plain, *[1])
        def twice(x): return os.getcwd()
        def saved(x): np.savez("x", x)
        def twice(x): return open(x)
        other = twice
        def inner(x):
            import torch.nn, shutil
        """
    )
    assert found["plain"].signature == Signature(("x", "w", "b", "s"), 2)
    assert found["more"].signature == Signature(("x",), 1, True)
    assert found["must"].signature is None and found["broken"].signature is None
    assert found["half"].signature == Signature(("w", "b", "s"), 1)
    assert found["named"].signature == Signature(("x", "w", "b"), 2)
    assert found["saved"].reaches == ("savez",)
    assert (found["twice"].times, found["twice"].reaches) == (2, ("open",))
    assert not found["other"].listed and found["other"].signature == Signature(("x",), 1)
    assert (found["inner"].reaches, found["inner"].needs) == (("shutil",), ("torch",))


# What is run ---------------------------------------------------------------------------------------


def kept(text):
    text = textwrap.dedent(text)
    run, left = statements([Piece(0, text, ast.parse(text))])
    return [one.text.strip() for one in run], [one.line for one in left]


@pytest.mark.parametrize(
    "line",
    [
        "K = 3",
        "K: int = 3",
        "K = np.array([[1, 0, -1]]).T / 2",
        "K = [np.ones(n) for n in range(3)]",
        "K, L = np.eye(2), math.pi",
        "K = dict(a=1, b=[2, -3])",
        "K = make = lambda: download()",
        "K = np.random.default_rng(0).normal(size=3)",
        "K = partial(f, 2)",
        "K = 'a b'.split()",
    ],
)
def test_constants_are_run(line):
    text = f"import numpy as np\nimport math\nfrom functools import partial\n{line}\ndef f(x):\n    return K"
    run, left = kept(text)
    assert line in run and left == []


@pytest.mark.parametrize(
    "line",
    [
        "f(K)",
        "K = f(3)",
        "K = model.fit(x)",
        "K = np.load('data.npy')",
        "K = np.zeros(3).tofile('data')",
        "K = [download(url) for url in urls]",
        "K = open('file').read()",
        "read = open\nK = read('file')",
        "read = lambda: open('file')\nK = read()",
        "for K in range(3): pass",
        "while True: K = 1",
        "with open('file') as K: pass",
        "K = 1 if train() else 2",
        "plt.K = show()",
        "if __name__ == '__main__':\n    K = 1",
        "try:\n    K = train()\nexcept ValueError:\n    pass",
        "assert f",
        "del f",
        "print(1)",
        "os._exit(0)",
        "x.K = 3",
    ],
)
def test_effects_are_not_run(line):
    run, left = kept(f"import numpy as np\ndef f(x):\n    return K, read\n{line}")
    assert len(left) == 1 and line.split("\n")[-1] not in run


def test_only_constants_that_something_uses_are_run():
    run, left = kept("a = 1\nb = a + 1\nc = 5\nd = {}\nd['x'] = b\ndef f():\n    return d\ne = 3\nd['y'] = 2")
    assert run == ["a = 1", "b = a + 1", "d = {}", "d['x'] = b", "def f():\n    return d", "d['y'] = 2"]
    assert left == []


def test_each_statement_is_run_where_it_stood():
    text = "from __future__ import annotations\nä = 'ü'; b = 2\n@deco\n@other(1)\ndef f(x: Array): return ä, b\n"
    run, _ = statements([Piece(0, text, ast.parse(text))])
    assert [one.text.split("\n") for one in run[1:]] == [
        ["from __future__ import annotations", "ä = 'ü'"],
        ["from __future__ import annotations", "b = 2"],
        ["from __future__ import annotations", "", "@deco", "@other(1)", "def f(x: Array): return ä, b"],
    ]


def test_functions_inside_an_if_or_a_try_are_found():
    found = read_functions(
        """
        try:
            from scipy.signal import correlate2d
        except ImportError:
            def correlate2d(a, b): return a
        if np is not None:
            def inside(x): return x
        else:
            outside = lambda x: x
        """
    )
    assert {name: one.line for name, one in found.items()} == {"correlate2d": 5, "inside": 7, "outside": 9}


def test_one_that_fails_costs_no_other(tmp_path):
    path = written(
        tmp_path,
        """
        import pandas
        from nowhere import *
        import numpy as np
        K = np.ones(3).reshape(2, 2); STEP = 1
        @njit
        def fast(x, padding): return np.pad(x, padding)
        def wild(x, padding): return somewhere(x)
        def typed(x: Tensor, padding): return x
        def zero_pad(x, padding):
            return K
        def corr2d(image, kernel):
            return image[::STEP]
        def crash(x, padding): raise TypeError(x)
        """,
    )
    found = audit(path, [])
    assert found.unable == {
        "fast": "needs njit, perhaps from nowhere, which audit does not load",
        "wild": "needs somewhere, perhaps from nowhere, which audit does not load",
        "typed": "needs Tensor, perhaps from nowhere, which audit does not load",
        "zero_pad": "needs K, which raised ValueError: cannot reshape array of size 3 into shape (2,2)",
    }
    assert one_finding(found, "corr2d").state == "unknown" and found.unlike == ["crash"]


# Innocent ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def utilities(tmp_path_factory, one_lab):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked, "LABS", ALL_LABS)
        return audit(written(tmp_path_factory.mktemp("utilities"), UTILITIES), [])


def test_innocent_utilities_give_no_findings(utilities):
    assert len(utilities.functions) >= 40
    assert utilities.findings == {} and utilities.status == 0


def test_what_reaches_out_of_the_process_is_left_alone(utilities):
    assert utilities.unable == {"remove": "was left alone, because it uses os; --as asks it all the same"}


def test_without_the_guards_chance_matches_would_be_told(tmp_path, monkeypatch):
    """The utilities do agree with known mistakes; they are kept out because nothing else speaks for them."""
    monkeypatch.setattr("labkit.audit.asking.shared_words", lambda one, other: 1)
    three = [part for part in UTILITIES.split("\n\n\n") if part.startswith(("def half", "def previous", "def smooth"))]
    found = audit(written(tmp_path, "\n".join(["import numpy as np", *three])), [])
    assert mistakes(found, "half") == ["even_kernel_accepted"]
    assert mistakes(found, "previous") == ["both_sides_together"]
    assert mistakes(found, "smooth")[0] == "rotated_kernel"


def test_a_kindred_name_speaks_for_a_function(tmp_path):
    path = written(tmp_path, "def pad_half(n):\n    return n // 2\ndef half(n):\n    return n // 2")
    found = audit(path, [])
    assert list(found.findings) == ["pad_half"] and mistakes(found, "pad_half") == ["even_kernel_accepted"]


def test_words_in_names():
    assert shared_words("my_conv", "conv2d_forward") == shared_words("ConvLayer", "conv1d_forward") == 1
    assert shared_words("padding_with_zeros", "zero_pad") == 2
    assert shared_words("forward", "conv2d_forward") == shared_words("a_b", "corr2d") == 0
    assert shared_words("sigmoid_derivative", "sigmoid_forward") == shared_words("conv_grad", "conv2d_forward") == 0
    assert shared_words("relu_prime", "relu_jacobian") == 0 < shared_words("relu_prime", "relu_backward")


def test_elementary_results_do_not_count():
    x, y = np.random.default_rng(0).standard_normal((2, 3, 4))
    case = Case("", {"x": x, "y": y})
    for plain in (x, y.T, np.abs(x), x - y, np.maximum(y, x), np.zeros(9), np.float64(1), x.sum(), x[:0]):
        assert beyond_elementary(case, {"out": np.asarray(plain)}) == 0
    assert beyond_elementary(case, {"a": x**3 - y, "b": x}) == 12


# Sensitivity: every lab 2 answer that is wrong, under names of its own --------------------------------


@pytest.mark.parametrize("prefix", ["mystery", "own"])
def test_wrong_answers_are_found_under_other_names(tmp_path, prefix):
    """Under a name that says nothing, where there are arrays; under a kindred name, everywhere."""
    names = {name: f"mystery{number}" if prefix == "mystery" else f"own_{name}" for number, name in enumerate(WRONG)}
    renamed = [WRONG[name].replace(f"def {name}(", f"def {mine}(") for name, mine in names.items()]
    found = audit(written(tmp_path, "import numpy as np\n" + "".join(renamed)), [])
    told = {one.ask.exercise.name for (one,) in found.findings.values() if one.state == "known"}
    assert told == WRONG.keys() - ({"output_size", "same_padding"} if prefix == "mystery" else set())
    for name, mine in names.items():
        if name in told:
            namespace = {"np": np}
            exec(WRONG[name], namespace)
            assert mistakes(found, mine) == [one for one, _ in labkit.examine(name, namespace[name]).mistakes]


def test_the_courses_own_answers_are_right(capsys):
    status, out, _ = run(capsys, HOUSE / "solutions" / "lab02_convolution_forward.py")
    lab02 = [one.name for one in asked.exercises() if one.lab == "lab02"]
    assert status == 0 and all(f"{name} is right" in part(out, name) for name in lab02)


def test_untouched_stubs_are_neither_right_nor_wrong(capsys):
    status, out, _ = run(capsys, HOUSE / "notebooks" / "lab02_convolution_forward.ipynb")
    assert status == 0 and "corr2d is not written yet: it raises NotImplementedError." in out
    assert f"{sum(one.lab == 'lab02' for one in asked.exercises())} not written yet" in out


def test_of_several_exercises_the_right_one_is_told_and_the_others_mentioned(tmp_path):
    first = asked.exercise("corr2d")
    path = written(
        tmp_path,
        """
        import numpy as np
        def apply(image, kernel):
            (h, w), (kh, kw) = image.shape, kernel.shape
            if kh > h or kw > w:
                raise ValueError
            return np.lib.stride_tricks.sliding_window_view(image, (kh, kw)).reshape(h - kh + 1, w - kw + 1, -1) \\
                @ kernel.ravel()
        """,
    )
    found = audit(path, [])
    (one,) = found.findings["apply"]
    again = runs.Runs(found.kept, [])
    worse = runs.Finding(one.ask, labkit.examine(first, lambda image, kernel: image))
    again.found = {"apply": [worse, one, one]}
    again.finish(found.functions)
    (best,) = again.found["apply"]
    assert best.report.passed and best.also == ("corr2d",)
    assert "The same can be said of it as corr2d." in list(words.block(best))


# Kinds ---------------------------------------------------------------------------------------------

OF_EACH_KIND = '''
import numpy as np

def derivative(f, x, h=1e-5):
    return (f(x + h) - f(x)) / h

def slope_at(fun, at, step=1e-5):
    return (fun(at + step) - fun(at - step)) / (2 * step)

def shuffle(x, y, rng):
    return x[rng.permutation(len(x))], y[rng.permutation(len(y))]

def mixed(x, y, rng):
    return x, y

def assert_positive(x):
    if not (x > 0).all():
        raise AssertionError("not positive")

def never_raises(x):
    pass

def check_relu(candidate):
    pass

class Scale:
    def __init__(self, a):
        self.grads, self.a = {"a": np.zeros_like(a)}, a
    def forward(self, x):
        self.x = x
        return self.a * x
    def backward(self, dout):
        self.grads["a"] += np.sum(dout * self.x)
        return dout * self.a
    def zero_grad(self):
        self.grads["a"][...] = 0

class Layer(Scale):
    def zero_grad(self):
        pass

def square_error(p, t):
    return np.sum((p - t) ** 2), 2 * (p - t)
'''


def collect_here(cells, tasks, limits):
    """As `collect`, in this process: the other one does not know the exercises of these tests."""
    namespace = {}
    for cell in cells:
        exec(cell, namespace)
    known = {one.name: one for one in asked.exercises()}
    answers = {}
    for task in tasks:
        parts = {}
        for which in ("cases", "small"):
            cases = {name: Case("", one["args"], one["keywords"]) for name, one in task[which].items()}
            parts[which] = packed(run_answer(known[task["exercise"]], namespace[task["name"]], cases))
        answers[task["key"]] = Answer(**parts)
    return Collected(answers, [], [])


@pytest.fixture
def of_each_kind(monkeypatch):
    """The exercises of tests/kinds.py in place of the course's."""
    kinds.install(monkeypatch)
    everything = [exercise for exercise, _ in kinds.KINDS.values()]
    monkeypatch.setattr(asked, "exercises", lambda: everything)
    monkeypatch.setattr(runs, "collect", collect_here)


def test_every_kind_is_looked_at_by_name(of_each_kind, tmp_path):
    found = audit(written(tmp_path, OF_EACH_KIND), ["Scale=Layer"])
    assert mistakes(found, "derivative") == ["one_sided"]
    assert mistakes(found, "shuffle")[0] == "shuffled_apart"
    assert mistakes(found, "check_relu") == ["accepts_all"]
    assert mistakes(found, "Layer") == ["not_zeroed"]
    assert one_finding(found, "assert_positive").report.passed and one_finding(found, "Scale").report.passed


def test_only_kinds_that_are_judged_by_results_are_tried_without_a_name(of_each_kind, tmp_path):
    found = audit(written(tmp_path, OF_EACH_KIND), [])
    assert one_finding(found, "slope_at").ask.exercise.name == "derivative"
    assert one_finding(found, "slope_at").report.passed
    assert mistakes(found, "square_error") == ["summed"]
    assert found.unlike == ["mixed", "never_raises"]
    assert "Layer" not in [one.name for one in found.functions]


# Hostile -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "NAMED", Limits(load=5, calls=2))
        patch.setattr(runs, "TRIED", Limits(load=5, calls=2))
        found = audit(written(tmp_path_factory.mktemp("hostile"), HOSTILE), [])
    return found


def test_hostile_code_costs_itself_alone(hostile):
    assert one_finding(hostile, "corr2d").trouble == "ended without an answer (exit status 0)"
    assert one_finding(hostile, "zero_pad").trouble == "took longer than 2 s"
    assert one_finding(hostile, "same_padding").state == "unknown"
    assert one_finding(hostile, "output_size").report.passed
    assert hostile.unable["turning"] == "took longer than 2 s when it was tried as zero_pad"
    assert hostile.unable["wipe"].startswith("was left alone, because it uses shutil")
    assert hostile.unlike == ["convolve"] and hostile.status == 1


def test_what_comes_from_the_file_is_printed_harmlessly(hostile, capsys):
    words.tell(hostile)
    out, _ = capsys.readouterr()
    assert r"it raised RuntimeError: \x1b[31mred\x07 \u202ezzz" in out
    assert all(character.isprintable() or character == "\n" for character in out)
    assert len(out) < 20_000


def test_a_function_that_hangs_is_not_tried_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "TRIED", Limits(load=5, calls=0.5))
    monkeypatch.setattr(trying, "AT_A_TIME", 1)
    done, real = [], runs.collect
    monkeypatch.setattr(runs, "collect", lambda cells, tasks, limits: done.extend(tasks) or real(cells, tasks, limits))
    found = audit(written(tmp_path, "def hang(*args):\n    while True: pass"), [])
    assert len(done) == runs.MOST_TROUBLE < len(NAMES) and list(found.unable) == ["hang"]


# The command ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pair, told",
    [
        ("conv2d=own", "no exercise is called 'conv2d'; did you mean corr2d or conv2d_forward?"),
        ("zero_pad=onw", "theirs.py defines no 'onw' at its top level; did you mean own?"),
        ("zero_pad=f.g", "theirs.py defines no 'f.g' at its top level; known are: own, Other."),
        ("zero_pad", "expected EXERCISE=NAME, as in --as conv2d_forward=my_conv."),
        ("=own", "expected EXERCISE=NAME"),
    ],
)
def test_as_tells_what_it_does_not_know(tmp_path, capsys, pair, told):
    path = written(tmp_path, "def own(x): return x\nclass Other: pass")
    status, out, err = run(capsys, path, "--as", pair)
    assert (status, out) == (2, "") and err.startswith(f"labkit audit: --as {pair}: ")
    assert told in err and err.count("\n") == 1


def test_as_on_a_file_without_functions(tmp_path, capsys):
    status, _, err = run(capsys, written(tmp_path, "x = 1"), "--as", "zero_pad=own")
    assert status == 2 and "theirs.py defines no function at its top level." in err


def test_as_on_what_cannot_be_run_is_not_done(tmp_path, capsys):
    path = written(tmp_path, "import torch\ndef own(x, padding): return torch.pad(x)\ndef two(x): return torch.abs(x)")
    status, out, _ = run(capsys, path, "--as", "zero_pad=own")
    assert status == 2 and "own (line 2) needs torch, which audit does not load." in out
    assert run(capsys, path)[0] == 0


def test_as_may_name_a_second_name_or_a_class(tmp_path):
    text = "def own(x, padding): return x\nmine = own\nclass Pad:\n    def __new__(cls, x, padding): return x"
    path = written(tmp_path, text)
    found = audit(path, ["zero_pad=mine", "zero_pad=Pad"])
    assert {name: one_finding(found, name).state for name in ("mine", "Pad")} == {"mine": "unknown", "Pad": "unknown"}


BROKEN = [
    ("none.py", None, "none.py does not exist."),
    ("folder.py", "folder", "folder.py is no file."),
    ("notes.txt", b"x", "neither a .py nor an .ipynb file"),
    ("old.py", b"import os\nprint 'x'", "old.py is no Python 3 (line 2: Missing parentheses"),
    ("latin.py", b"x = '\xe4'", "latin.py is no Python: its encoding is not what it says"),
    ("liar.py", b"# coding: nonsense\n", "its encoding is not what it says (unknown encoding: nonsense)"),
    ("nul.py", b"x = 1\0", "nul.py is no Python 3 ("),
    ("strange.py", "x = \u202e1".encode(), "invalid non-printable character U+202E"),
    ("deep.py", b"x = " + b"-" * 100_000 + b"1", "deep.py is no Python 3"),
    ("large.py", b"x = 1\n" * 200_000, "holds more than 1000000 characters of code"),
    ("many.py", b"x=1;" * 20_000, "holds 20000 statements outside functions; 10000 are looked at."),
    ("more.py", b"def a%d(): 0\n" * 400 % tuple(range(400)), "holds 400 functions"),
    ("bad.ipynb", b"{", "bad.ipynb is no notebook: it is not JSON."),
    ("list.ipynb", b"[]", "list.ipynb is no notebook: it has no list of cells."),
    ("empty.ipynb", b'{"cells": []}', "empty.ipynb holds nothing to look at: there is no code in it."),
    (
        "two.ipynb",
        b'{"cells": [{"cell_type": "code", "source": "print 1"}, {"cell_type": "code", "source": 5}]}',
        "none of its 2 code cells is Python 3.",
    ),
]


@pytest.mark.parametrize("name, content, told", BROKEN, ids=[name for name, _, _ in BROKEN])
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path, capsys, name, content, told):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    status, out, err = run(capsys, path)
    assert (status, out) == (2, "") and err.startswith(f"labkit audit: {path} ")
    assert told in err and err.count("\n") == 1


def test_a_file_without_functions_is_no_mistake(tmp_path, capsys):
    status, out, _ = run(capsys, written(tmp_path, "x = 1\nprint(x)"))
    assert (status, out.splitlines()[-1]) == (0, "0 functions")


def test_python_in_other_encodings_and_old_notebooks_are_read(tmp_path):
    latin = tmp_path / "latin.py"
    latin.write_bytes("# coding: latin-1\r\ndef übung(x):\r\n    return 'ä'\r\n".encode("latin-1"))
    assert source.read(latin)[0][0].text == "# coding: latin-1\ndef übung(x):\n    return 'ä'\n"
    old = tmp_path / "old.ipynb"
    old.write_text('{"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1\\n", "y = 2"]}]}]}')
    assert source.read(old)[0][0].text.strip() == "x = 1\ny = 2"


def test_lines_stay_where_they_are_below_magics(tmp_path):
    cells = ["\n\n%time x = 1\ndef f():\n    pass", "%%time\ndef f():\n    pass", "!ls\ndef f():\n    pass"]
    pieces, none = source.read(written(tmp_path, notebook(*map(code, cells))))
    assert none == 0
    assert [[node.lineno for node in piece.tree.body if isinstance(node, ast.FunctionDef)] for piece in pieces] == [
        [4], [2], [2]
    ]


@pytest.mark.parametrize("seed", ["-1", "x"])
def test_seed_is_a_whole_number(capsys, seed):
    with pytest.raises(SystemExit) as left:
        cli.main(["audit", "theirs.py", "--seed", seed])
    assert left.value.code == 2 and "--seed" in capsys.readouterr().err


def test_help_says_what_it_is_not(capsys):
    with pytest.raises(SystemExit):
        cli.main(["audit", "--help"])
    assert "That is no sandbox." in " ".join(capsys.readouterr().out.split())


def test_a_machine_that_cannot_run_anything_is_told(tmp_path, monkeypatch):
    def fails(cells, tasks, limits):
        raise runs.JudgeError("the process did not start")

    monkeypatch.setattr(runs, "collect", fails)
    with pytest.raises(CommandError, match="Nothing could be run: the process did not start."):
        audit(written(tmp_path, "def zero_pad(x, padding): return x"), [])
