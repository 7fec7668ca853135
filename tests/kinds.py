"""One small example exercise of each kind, both halves, to prove the engine on."""

import sys
import types

import numpy as np

from labkit.asked import Case, Exercise
from labkit.asked.exercise import call
from labkit.references import Mistake, Reference

LAB = "examples"
NO_HINTS = ("One?", "Two.", "Three.")


def exercise(name, kind, returns, inputs, **more) -> Exercise:
    return Exercise(
        name=name, lab=LAB, points=2, kind=kind, asks="An example.", hints=NO_HINTS, inputs=inputs,
        returns=returns, **more,
    )


# array: several results, a scalar among them -------------------------------------------------------


def square_loss(x, target):
    """(mean of squares, its gradient)"""
    return np.mean((x - target) ** 2), 2 * (x - target) / x.size


def square_loss_cases(rng):
    def draw(dtype):
        x, target = rng.standard_normal((2, 3, 4)).astype(dtype)
        return {"x": x, "target": target}

    return {
        "float64": Case("sum for mean", draw(np.float64)),
        "float32": Case("float64 for float32", draw(np.float32), ("target",)),
    }


ARRAY = exercise("square_loss", "array", {"loss": "scalar", "dx": "array"}, square_loss_cases)
ARRAY_REFERENCE = Reference(
    square_loss,
    "torch.nn.functional.mse_loss",
    (
        Mistake("summed", "You took the sum.", (lambda x, target: (np.sum((x - target) ** 2), 2 * (x - target)),)),
        Mistake("loss_of_another", "Loss and gradient do not belong together.", (
            lambda x, target: (np.mean((x - target) ** 2), (x - target) / x.size),)),
        Mistake("input_overwritten", "You wrote the result into x.", (
            lambda x, target: (np.mean((x - target) ** 2), np.multiply(2 / x.size, np.subtract(x, target, out=x))),)),
    ),
)

# property: judged by what must hold ----------------------------------------------------------------


def shuffle(x, y, rng):
    order = rng.permutation(len(x))
    return x[order], y[order]


def shuffle_holds(case, outputs):
    x, y = case.args["x"], case.args["y"]
    if outputs["x"].shape != x.shape or sorted(outputs["y"].tolist()) != sorted(y.tolist()):
        return "some samples are missing or doubled"
    if not np.array_equal(outputs["x"][:, 0], outputs["y"] * 10.0):
        return "images and labels no longer belong together"
    return "the order is the old one" if np.array_equal(outputs["y"], y) else None


def apart(case, outputs):
    return not np.array_equal(outputs["x"][:, 0], outputs["y"] * 10.0)


def shuffled_apart(x, y, rng):
    return x[rng.permutation(len(x))], y[rng.permutation(len(y))]


PROPERTY = exercise(
    "shuffle", "property", {"x": "array", "y": "array"},
    lambda rng: {
        "twenty samples": Case("shuffled apart", {
            "x": np.arange(20.0)[:, None] * 10, "y": np.arange(20), "rng": int(rng.integers(2**31))}),
        "uneven": Case("x and y of unlike lengths", {
            "x": np.arange(20.0)[:, None], "y": np.arange(19), "rng": 0}, raises="ValueError"),
    },
)


def guarded_shuffle(x, y, rng):
    if len(x) != len(y):
        raise ValueError("x and y differ in length")
    return shuffle(x, y, rng)


PROPERTY_REFERENCE = Reference(
    guarded_shuffle, "a random permutation", holds=shuffle_holds,
    mistakes=(
        Mistake("shuffled_apart", "You shuffled x and y apart.", (shuffled_apart,), shows=apart),
        Mistake("not_shuffled", "The order did not change.", (lambda x, y, rng: (x, y),),
                shows=lambda case, outputs: np.array_equal(outputs["y"], case.args["y"])),
        Mistake("global_random_state", "Same seed, another order: use rng and nothing else.", (
            lambda x, y, rng: guarded_shuffle(x, y, np.random.default_rng()),)),
    ),
)

# raises: raising is the answer ---------------------------------------------------------------------


def assert_positive(x):
    if not (x > 0).all():
        raise AssertionError("not positive")


def raised(answer, case, returns):
    try:
        call(answer, case)
    except AssertionError:
        return {"raised": np.array(1)}
    return {"raised": np.array(0)}


RAISES = exercise(
    "assert_positive", "raises", {"raised": "integer"},
    lambda rng: {
        "all positive": Case("always raises", {"x": rng.random(5) + 0.1}),
        "one negative": Case("looks at the mean", {"x": np.array([3.0, -1.0, 5.0])}),
        "nan": Case("NaN passes", {"x": np.array([1.0, np.nan])}),
    },
    drive=raised,
)


def lenient(test):
    def answer(x):
        if test(x):
            raise AssertionError
    return answer


RAISES_REFERENCE = Reference(
    assert_positive, "assert (x > 0).all()",
    mistakes=(
        Mistake("mean", "You looked at the mean.", (lenient(lambda x: not x.mean() > 0),)),
        Mistake("nan_passes", "NaN passes.", (lenient(lambda x: (x <= 0).any()),)),
        Mistake("always", "You raise always.", (lenient(lambda x: True),)),
    ),
)

# callable: takes functions -------------------------------------------------------------------------

FUNCTIONS = {"square": np.square, "sine": np.sin, "itself": lambda x: x}


def derivative(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


def with_function(answer, case, returns):
    """The case holds a function's name, for a case is data; here it becomes the function."""
    args = {**case.args, "f": FUNCTIONS[case.args["f"]]}
    return {"slope": call(answer, Case(case.catches, args, case.keywords))}


CALLABLE = exercise(
    "derivative", "callable", {"slope": "array"},
    lambda rng: {
        "square": Case("one-sided differences", {"f": "square", "x": rng.standard_normal(4), "h": 0.1}, ("h",)),
        "sine": Case("h of its own", {"f": "sine", "x": rng.standard_normal(4), "h": 0.5}),
        "itself": Case("the input is written to", {"f": "itself", "x": rng.standard_normal(4)}),
    },
    drive=with_function,
)


def moving_its_input(f, x, h=1e-5):
    x += h
    above = f(x)
    x -= 2 * h
    return (above - f(x)) / (2 * h)


CALLABLE_REFERENCE = Reference(
    derivative, "central differences",
    mistakes=(
        Mistake("one_sided", "One-sided.", (lambda f, x, h=1e-5: (f(x + h) - f(x)) / h,)),
        Mistake("own_h", "You used an h of your own.", (lambda f, x, h=1e-5: derivative(f, x),)),
        Mistake("input_moved", "You moved x.", (moving_its_input,)),
    ),
)

# trace: a class, a sequence of calls ---------------------------------------------------------------


class Scale:
    """y = a·x; the gradient of a adds up until zero_grad."""

    def __init__(self, a):
        self.params, self.grads = {"a": a}, {"a": np.zeros_like(a)}

    def forward(self, x):
        self.x = x
        return self.params["a"] * x

    def backward(self, dout):
        self.grads["a"] += np.sum(dout * self.x)
        return dout * self.params["a"]

    def zero_grad(self):
        self.grads["a"][...] = 0


class Overwriting(Scale):
    def backward(self, dout):
        self.grads["a"][...] = np.sum(dout * self.x)
        return dout * self.params["a"]


class NotZeroing(Scale):
    def zero_grad(self):
        pass


class WithoutGradient(Scale):
    def backward(self, dout):
        super().backward(dout)


def use(answer, case, returns):
    args = case.args
    layer = answer(args["a"].copy())
    trace = {"forward": layer.forward(args["x"]), "dx": layer.backward(args["dout"])}
    trace["grad"] = layer.grads["a"].copy()
    layer.backward(args["dout"])
    trace["grad of two"] = layer.grads["a"].copy()
    layer.zero_grad()
    return {**trace, "grad after zero_grad": layer.grads["a"].copy()}


TRACE = exercise(
    "Scale", "trace", {},
    lambda rng: {
        "two steps": Case("gradients overwritten", {
            "a": rng.standard_normal(1), "x": rng.standard_normal((2, 3)), "dout": rng.standard_normal((2, 3))}),
    },
    drive=use,
)
TRACE_REFERENCE = Reference(
    Scale, "torch.nn.Module",
    mistakes=(
        Mistake("overwritten", "Gradients add up.", (Overwriting,)),
        Mistake("not_zeroed", "zero_grad does nothing.", (NotZeroing,)),
        Mistake("no_dx", "backward returns nothing.", (WithoutGradient,)),
    ),
)

# checker: the answer is itself a check -------------------------------------------------------------

CANDIDATES = {
    "maximum": lambda x: np.maximum(x, 0),
    "mask": lambda x: x * (x > 0),
    "absolute": np.abs,
    "identity": lambda x: x,
    "zero": np.zeros_like,
    "crashes": lambda x: x[10**6],
}


def check_relu(candidate):
    x = np.array([-2.0, 0.0, 3.0])
    try:
        right = np.array_equal(candidate(x), [0.0, 0.0, 3.0])
    except IndexError:
        right = False
    if not right:
        raise AssertionError("not a ReLU")


def judge_candidates(answer, case, returns):
    verdicts = []
    for name in case.args["candidates"]:
        try:
            answer(CANDIDATES[name])
            verdicts.append(0)
        except AssertionError:
            verdicts.append(1)
        except Exception:  # the answer is a stranger's check and may raise anything
            verdicts.append(2)
    return {"rejected": np.array(verdicts)}


def positive_only(candidate):
    assert candidate(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


CHECKER = exercise(
    "check_relu", "checker", {"rejected": "array"},
    lambda rng: {
        "candidates": Case("a check that is too kind", {"candidates": rng.permutation(list(CANDIDATES)).tolist()}),
    },
    drive=judge_candidates,
)
CHECKER_REFERENCE = Reference(
    check_relu, "a check that looks at both sides of 0",
    mistakes=(
        Mistake("positive_only", "You looked at positive numbers only.", (positive_only,)),
        Mistake("accepts_all", "You accept everything.", (lambda candidate: None,)),
    ),
)

KINDS = {
    "array": (ARRAY, ARRAY_REFERENCE),
    "property": (PROPERTY, PROPERTY_REFERENCE),
    "raises": (RAISES, RAISES_REFERENCE),
    "callable": (CALLABLE, CALLABLE_REFERENCE),
    "trace": (TRACE, TRACE_REFERENCE),
    "checker": (CHECKER, CHECKER_REFERENCE),
}


def install(monkeypatch) -> None:
    """Let labkit find the references of these exercises as it finds those of a lab."""
    module = types.ModuleType(f"labkit.references.{LAB}")
    module.REFERENCES = {exercise.name: reference for exercise, reference in KINDS.values()}
    monkeypatch.setitem(sys.modules, module.__name__, module)
