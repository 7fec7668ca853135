"""Lab 3, the chain rule, and checking it: what is asked."""

from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse, call, whole

Cases = dict[str, Case]


# linear_forward ---------------------------------------------------------------------------------


def linear_forward_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, n, d, k, bias=None, keywords=(), dtype=np.float64, columns=False):
        def draw(*shape):
            return np.array(rng.standard_normal(shape), dtype, order="F" if columns else "C")

        args = {"x": draw(n, d), "w": draw(k, d)}
        if bias is not None:
            args["b"] = draw(k) if bias else None
        return Case(catches, args, keywords)

    return {
        "three samples": case("mixed-up axes: N, D, K are 3, 4, 2", 3, 4, 2),
        "two samples with a bias": case("a lost bias: 4 biases, 2 samples", 2, 3, 4, True),
        "as many features as outputs": case("a transpose that no shape shows: D and K are 3", 2, 3, 3),
        "as many samples as outputs": case("a bias along the wrong axis: N and K are 3", 3, 2, 3, True, ("b",)),
        "one sample, one output": case("a lost axis: N and K are 1", 1, 3, 1, True),
        "no bias, given as None": case("a bias that has to be there: b is None", 3, 2, 4, False),
        "float32": case("another dtype: all arrays are float32", 2, 4, 3, True, dtype=np.float32),
        "float32 without a bias": case("another dtype: float32, and no bias", 3, 2, 4, dtype=np.float32),
        "stored by columns": case("a certain order in memory: column by column", 3, 4, 2, True, columns=True),
    }


def linear_forward_small() -> Cases:
    def case(x, w, b=None, dtype=np.float64):
        args = {"x": whole(*x).astype(dtype), "w": whole(*w).astype(dtype)}
        return Case("", args if b is None else args | {"b": whole(*b).astype(dtype)})

    return {
        "one output": case([[1, 2]], [[3, 4]]),
        "two outputs": case([[1, 2]], [[3, 4], [5, -1]]),
        "two samples": case([[1, 2], [0, 3]], [[3, 4], [5, -1]]),
        "three outputs": case([[1, 2]], [[3, 4], [5, -1], [0, 2]]),
        "bias": case([[1, 2], [0, 3]], [[3, 4]], [10]),
        "two biases": case([[1, 2], [0, 3]], [[3, 4], [5, -1]], [10, 20]),
        "no bias": Case("", {"x": whole([1, 2]), "w": whole([3, 4]), "b": None}),
        "float32": case([[1, 2]], [[3, 4], [5, -1]], [10, 20], np.float32),
        "float32 without a bias": case([[1, 2]], [[3, 4], [5, -1]], dtype=np.float32),
    }


# linear_backward --------------------------------------------------------------------------------


def linear_backward_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, n, d, k, dtype=np.float64, columns=False):
        def draw(*shape):
            return np.array(rng.standard_normal(shape), dtype, order="F" if columns else "C")

        return Case(catches, {"dout": draw(n, k), "x": draw(n, d), "w": draw(k, d)})

    return {
        "three samples": case("mixed-up axes, or a mean: N, D, K are 3, 4, 2", 3, 4, 2),
        "two samples": case("a lost sample: N, D, K are 2, 3, 5", 2, 3, 5),
        "as many features as outputs": case("a transpose that no shape shows: D and K are 3", 2, 3, 3),
        "as many samples as outputs": case("a sum along the wrong axis: N and K are 3", 3, 2, 3),
        "all sizes equal": case("exchanged arrays: N, D and K are 3", 3, 3, 3),
        "one sample, one output": case("a lost axis: N and K are 1", 1, 3, 1),
        "float32": case("another dtype: all arrays are float32", 3, 4, 2, np.float32),
        "stored by columns": case("a certain order in memory: column by column", 2, 4, 3, columns=True),
    }


def linear_backward_small() -> Cases:
    def case(dout, x, w, dtype=np.float64):
        args = {"dout": dout, "x": x, "w": w}
        return Case("", {name: whole(*value).astype(dtype) for name, value in args.items()})

    return {
        "one output": case([[2]], [[1, 3]], [[4, 5]]),
        "two outputs": case([[2, -1]], [[1, 3]], [[4, 5], [0, 2]]),
        "two samples": case([[2], [3]], [[1, 3], [0, 2]], [[4, 5]]),
        "two of all": case([[2, -1], [3, 1]], [[1, 3], [0, 2]], [[4, 5], [0, 2]]),
        "three outputs": case([[2, -1, 1]], [[1, 3]], [[4, 5], [0, 2], [1, 1]]),
        "float32": case([[2], [3]], [[1, 3], [0, 2]], [[4, 5]], np.float32),
    }


# activations: functions of each number alone ------------------------------------------------------


def each_number(*names: str, axes: bool = True, scale: float = 1.0, special=None, slopes: bool = False) -> Callable:
    """The `inputs` of a function of each number alone, with arrays `names` of one shape.

    axes     arrays of any number of axes (else of one)
    special  case name -> (what it catches, the numbers of the last array, dtype)
    slopes   the cases carry slopes too, after the arrays
    """

    def inputs(rng: np.random.Generator) -> Cases:
        def case(catches, shape, dtype=np.float64, last=None, columns=False, keywords=(), **more):
            arrays = {
                name: np.array(scale * rng.standard_normal(shape), dtype, order="F" if columns else "C")
                for name in names
            }
            if last is not None:
                arrays[names[-1]] = np.array(last, dtype)
            return Case(catches, {**arrays, **more}, keywords)

        one_axis = {
            "one row": case("a wrong formula: 7 numbers of both signs", (7,)),
            "another row": case("something kept from the last call: 7 other numbers", (7,)),
            "float32": case("another dtype: all arrays are float32", (6,), np.float32),
        }
        any_axes = {
            "a batch": case("a wrong formula: numbers of both signs", (3, 4)),
            "one row": case("code for two axes only: one axis", (5,)),
            "images": case("code for two axes only: four axes", (2, 3, 2, 4)),
            "stored by columns": case("a certain order in memory: column by column", (3, 4), columns=True),
            "float32": case("another dtype: all arrays are float32", (2, 5), np.float32),
        }
        more = {
            "slope as a parameter": case("another slope than is passed: 0.3", (2, 4), slope=0.3),
            "slope 0": case("another slope than is passed: 0", (6,), slope=0.0),
            "negative slope": case(
                "a choice by size, not by sign: slope −0.5", (2, 3), slope=-0.5, keywords=("slope",)
            ),
            "slope above 1": case("a choice by size, not by sign: slope 2.5", (3, 3), slope=2.5, keywords=("slope",)),
        }
        extra = {
            name: case(catches, np.shape(numbers), dtype, numbers)
            for name, (catches, numbers, dtype) in (special or {}).items()
        }
        return (any_axes if axes else one_axis) | (more if slopes else {}) | extra

    return inputs


def each_number_small(*names: str, special=(), axes: bool = True, slopes: tuple[float, ...] = ()) -> Callable:
    """The `small` of such a function: few whole numbers; `special` holds rows for the last array."""

    def small() -> Cases:
        def case(rows, dtype=np.float64, order="C", **more):
            arrays = {"dout": np.reshape([3.0, -1, 2, -4, 5, -2][: np.size(rows)], np.shape(rows)), "x": rows}
            return Case("", {name: np.array(arrays[name], dtype, order=order) for name in names} | more)

        cases = {"a row": case([2, -1, -2]), "positive": case([2, 1]), "negative": case([-1, -2])}
        if axes:
            cases["two rows"] = case([[1, -2], [-3, 4]])
        cases |= {f"slope {slope:g}": case([2, -1, -2], slope=slope) for slope in slopes}
        cases |= {f"special {row}": case(row) for row in special}
        cases["float32"] = case([2, -1], np.float32)
        if axes:
            cases["stored by columns"] = case([[1, -2], [-3, 4]], order="F")
        return cases

    return small


ZEROS = {
    "zeros": ("something else at 0: zeros of both signs", [0.0, -0.0, 1.5, 0.0, -2.0], np.float64),
    "next to zero": (
        "a kink that is not at 0: numbers down to 1e-30",
        [1e-30, -1e-30, 1e-9, -1e-9, 1e-8, -1e-8, 1e-6, -1e-6, 2e-5, -2e-5, 1e-3, -1e-3],
        np.float64,
    ),
    "large numbers": ("an upper or a lower end: numbers up to 1e5", [7.5, -7.5, 300.0, -300.0, 1e5, -1e5], np.float64),
}
FAR = {
    "far from 0": (
        "overflow in exp: numbers up to 1000",
        [-1000.0, 1000.0, -30.0, 30.0, 0.0, -750.0, 400.0, -400.0],
        np.float64,
    ),
    "far from 0 in float32": (
        "overflow in exp: numbers up to 1000",
        [-100.0, 100.0, -1000.0, 1000.0, 0.0, 50.0, -50.0],
        np.float32,
    ),
}


# numerical_gradient -------------------------------------------------------------------------------

# By name, for a case is data. The first array each returns is of another shape only where its name says so.
FUNCTIONS = {
    "x ** 3": lambda x: x**3,
    "x ** 2 * x.sum()": lambda x: x**2 * x.sum(),
    "(x ** 3).sum(axis=-1)": lambda x: (x**3).sum(axis=-1),
    "x @ [[1, 2, 0], [0, 1, 3]]": lambda x: x @ np.array([[1.0, 2, 0], [0, 1, 3]]),
    "np.sin(100 * x)": lambda x: np.sin(100 * x),
    "x": lambda x: x,
    "x.T": lambda x: x.T,
    "x[::-1]": lambda x: x[::-1],
}


def with_function(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """One call with the function whose name the case holds. For a 0-d x a NumPy number is an array too."""
    args = {**case.args, "f": FUNCTIONS[case.args["f"]]}
    result = call(answer, Case(case.catches, args, case.keywords))
    return {"dx": np.array(result) if isinstance(result, np.generic) else result}


def numerical_gradient_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, f, x_shape, dout_shape, h=None, columns=False, keywords=()):
        x = np.array(rng.standard_normal(x_shape), order="F" if columns else "C")
        dout = np.asarray(rng.standard_normal(dout_shape))
        return Case(catches, {"f": f, "x": x, "dout": dout} | ({} if h is None else {"h": h}), keywords)

    return {
        "a cube": case("one-sided differences, or another step: h is 0.5", "x ** 3", (4,), (4,), 0.5),
        "entries that meet": case(
            "entries moved together: each output depends on all",
            "x ** 2 * x.sum()", (2, 3), (2, 3), 0.25, keywords=("h",),
        ),
        "another shape comes out": case(
            "a dout of x's shape: (3,) comes out of (3, 4)", "(x ** 3).sum(axis=-1)", (3, 4), (3,), 0.5
        ),
        "more comes out than goes in": case(
            "a dout of x's shape: (4, 3) comes out of (4, 2)", "x @ [[1, 2, 0], [0, 1, 3]]", (4, 2), (4, 3), 0.5
        ),
        "three axes": case("code for one number of axes: three", "x ** 3", (2, 3, 2), (2, 3, 2), 0.5, keywords=("h",)),
        "one number": case("code for one number of axes: none", "x ** 3", (), (), 0.5),
        "stored by columns": case("moves lost in a copy: x lies column by column", "x ** 3", (3, 4), (3, 4), 0.5, True),
        "a function that returns x": case(
            "a result that changes while it is held: f returns x", "x", (2, 3), (2, 3), 0.5
        ),
        "a function that returns a view of x": case(
            "a result that changes while it is held: f returns x.T", "x.T", (2, 3), (3, 2), 0.25, keywords=("h",)
        ),
        "a function that returns x backwards": case(
            "a result that changes while it is held: f returns x[::-1]", "x[::-1]", (5,), (5,)
        ),
        "default h": case("another default for h: a fast wave", "np.sin(100 * x)", (2, 3), (2, 3)),
    }


def numerical_gradient_small() -> Cases:
    def case(f, x, dout, order="C", **more):
        return Case("", {"f": f, "x": np.array(x, float, order=order), "dout": np.array(dout, float), **more})

    return {
        "a cube": case("x ** 3", [2], [1], h=0.5),
        "with dout": case("x ** 3", [1, 2], [3, -1], h=0.5),
        "a function that returns x": case("x", [1, 2], [3, -1], h=0.5),
        "entries that meet": case("x ** 2 * x.sum()", [1, 2], [3, -1], h=0.5),
        "another shape comes out": case("(x ** 3).sum(axis=-1)", [[1, 2]], [3], h=0.5),
        "more comes out": case("x @ [[1, 2, 0], [0, 1, 3]]", [[1, 2]], [[3, -1, 2]], h=0.5),
        "two rows": case("x ** 3", [[1, 2], [0, 3]], [[3, -1], [2, 1]], h=0.5),
        "three axes": case("x ** 3", [[[1], [2]]], [[[3], [-1]]], h=0.5),
        "not whole": case("x ** 3", [0.1, 0.7], [3, -1], h=0.1),
        "one number": case("x ** 3", 2, 3, h=0.5),
        "default h": case("np.sin(100 * x)", [0, 1], [3, -1]),
        "stored by columns": case("x ** 3", [[1, 2], [0, 3]], [[3, -1], [2, 1]], order="F", h=0.5),
    }


# gradient_check -----------------------------------------------------------------------------------

# name -> (forward, its right backward). None of them is a function of this lab.
PAIRS = {
    "x ** 3": (lambda x: x * x * x, lambda dout, x: (3 * dout * x * x,)),
    "x * w": (lambda x, w: x * w, lambda dout, x, w: (dout * w, dout * x)),
    "x * w + b": (lambda x, w, b: x * w + b, lambda dout, x, w, b: (dout * w, dout * x, 1 * dout)),
    "(x ** 2).sum(axis=0)": (lambda x: (x**2).sum(axis=0), lambda dout, x: (2 * dout * x,)),
    "0 * x": (lambda x: 0 * x, lambda dout, x: (0 * dout,)),
    "np.minimum(x, 0)": (lambda x: np.minimum(x, 0), lambda dout, x: (dout * (x < 0),)),
    "x": (lambda x: x, lambda dout, x: (dout,)),
    "np.sin(180 * x)": (lambda x: np.sin(180 * x), lambda dout, x: (180 * dout * np.cos(180 * x),)),
    "x + w + 50000": (lambda x, w: x + w + 50000, lambda dout, x, w: (1 * dout, 1 * dout)),
    "4e-9 * x": (lambda x: 4e-9 * x, lambda dout, x: (4e-9 * dout,)),
}


def bent(change: Callable) -> Callable:
    """A wrong backward from the right one: `change` bends each of its gradients."""
    return lambda backward, dout, *inputs: tuple(change(gradient) for gradient in backward(dout, *inputs))


def with_entry(index: int, value: float) -> Callable:
    def change(gradient):
        gradient = gradient.copy()
        gradient.flat[index] = value
        return gradient

    return change


def last_gradient(change: Callable) -> Callable:
    def changed(backward, dout, *inputs):
        *others, last = backward(dout, *inputs)
        return (*others, change(last))

    return changed


# name -> the backward that is given to the check: (right backward, dout, *inputs) -> gradients
BACKWARDS = {
    "right": lambda backward, dout, *inputs: backward(dout, *inputs),
    "right, its dout compared": lambda backward, dout, *inputs: backward(dout, *inputs),
    "dout.mean() for dout": lambda backward, dout, *inputs: backward(np.full(np.shape(dout), np.mean(dout)), *inputs),
    "dout.mean(axis=1) for dout": lambda backward, dout, *inputs: backward(
        np.repeat(np.mean(dout, axis=1, keepdims=True), np.shape(dout)[1], axis=1), *inputs
    ),
    "dout.mean(axis=0) for dout": lambda backward, dout, *inputs: backward(
        np.repeat(np.mean(dout, axis=0, keepdims=True), np.shape(dout)[0], axis=0), *inputs
    ),
    "dout where the slope is 0": lambda backward, dout, *inputs: tuple(
        np.where(gradient == 0, dout, gradient) for gradient in backward(dout, *inputs)
    ),
    "twice the gradient": bent(lambda gradient: 2 * gradient),
    "-2 times the gradient": bent(lambda gradient: -2 * gradient),
    "half the gradient": bent(lambda gradient: gradient / 2),
    "first gradient too low, last too high": lambda backward, dout, *inputs: tuple(
        gradient + sign * np.abs(gradient) / 2 for sign, gradient in zip((-1, 1), backward(dout, *inputs))
    ),
    "first entry 0": bent(with_entry(0, 0.0)),
    "last entry 0": bent(with_entry(-1, 0.0)),
    "entries in reverse order": bent(lambda gradient: gradient[::-1, ::-1] if gradient.ndim > 1 else gradient[::-1]),
    "0 where -0.2 < x < 0": lambda backward, dout, x: tuple(
        np.where((-0.2 < x) & (x < 0), 0, gradient) for gradient in backward(dout, x)
    ),
    "last gradient negative": last_gradient(lambda gradient: -gradient),
    "last gradient None": last_gradient(lambda gradient: None),
    "one NaN": bent(with_entry(1, np.nan)),
    "one inf": bent(with_entry(1, np.inf)),
    "one axis too many": bent(lambda gradient: gradient[None]),
    "one axis too few": bent(lambda gradient: gradient.sum(axis=-1)),
    "added up over the samples": bent(lambda gradient: gradient.sum(axis=0, keepdims=True)),
    "0 after the first sample": bent(lambda gradient: np.concatenate([gradient[:1], 0 * gradient[1:]])),
}
# Their error is the same under any upstream.
KNOWN_SIZE = ("twice the gradient", "-2 times the gradient", "first entry 0", "last entry 0")

RUNS = 3  # generators a case
FINE, CLEAR = 1e-5, 1e-2  # errors below the one are rounding, above the other a bug


def with_pair(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """The check is run on a pair of functions with several generators.

    Its errors depend on the upstream it draws, so they are sorted (see `sorted_error`). Whether the upstream comes
    from the generator is seen in the `dout` that the backward function gets; for that the first one comes again.
    """
    forward, backward = PAIRS[case.args["forward"]]
    change = BACKWARDS[case.args["backward"]]
    inputs = tuple(value for value in case.args.values() if isinstance(value, np.ndarray))
    compared = case.args["backward"].endswith("its dout compared")
    seeds = [(case.args["rng"], number) for number in range(RUNS)]
    errors, upstreams = [], []
    for seed in seeds + seeds[:1] * compared:
        seen = []

        def watched(dout, *arrays, seen=seen):
            if np.shape(dout) != (shape := np.shape(forward(*arrays))):
                raise Misuse("upstream", f"backward got a dout of shape {np.shape(dout)}; forward returns {shape}")
            seen.append(np.array(dout, dtype=float))
            return change(backward, dout, *arrays)

        result = answer(lambda *arrays: forward(*arrays), watched, inputs, np.random.default_rng(seed))
        errors.append(read_errors(result, len(inputs)))
        upstreams.append(seen[0] if seen else np.zeros(()))
    known = case.args["backward"] in KNOWN_SIZE
    found = {"errors": np.array([sorted_error(np.array(column), known) for column in zip(*errors[:RUNS])])}
    if not compared:
        return found
    return found | {
        "another rng, another dout": np.array(int(not np.array_equal(upstreams[0], upstreams[1]))),
        "the same seed, the same dout": np.array(int(np.array_equal(upstreams[0], upstreams[RUNS]))),
    }


def read_errors(result: object, count: int) -> list[float]:
    """The errors in what a check returned: so many floats in a list, a tuple or an array of one axis, else Misuse."""
    if not isinstance(result, (list, tuple)) and np.shape(result) != (count,):
        kind = "None" if result is None else with_article(type(result).__name__)
        raise Misuse(sort_of(result), f"it returned {kind}; expected a list with one error for each input")
    if len(result) != count:
        raise Misuse("count", f"it returned {len(result)} errors; expected {count}, one for each input")
    for error in result:
        if sort_of(error) != "number":
            plain = isinstance(error, (bool, np.generic, type(None)))
            shown = error if plain else with_article(type(error).__name__)
            raise Misuse("verdict" if sort_of(error) == "verdict" else "type", f"an error is {shown}; expected a float")
    return [float(error) for error in result]


def sort_of(value: object) -> str:
    """"none", "number", "verdict" (True or False) or "type": what one value is."""
    if value is None:
        return "none"
    scalar = isinstance(value, (int, float, np.generic)) or isinstance(value, np.ndarray) and value.ndim == 0
    kind = np.asarray(value).dtype.kind if scalar else ""
    return "verdict" if kind == "b" else "number" if kind in ("i", "u", "f") else "type"


def with_article(name: str) -> str:
    return f"an {name}" if name == "ndarray" or name[0] in "aeiou" else f"a {name}"


def sorted_error(errors: np.ndarray, known: bool) -> float:
    """One number for the errors of several runs.

    0: rounding in most runs, and a bug in none. 1: a bug in most runs, and rounding in none; where the size of
    the error is known, that size. inf: not finite in all runs. -1: now this, now that. 0.001: between both.
    """
    broken = ~np.isfinite(errors)
    if broken.all():
        return np.inf
    fine, clear = errors < FINE, errors > CLEAR
    if 2 * fine.sum() > RUNS and not (clear | broken).any():
        return 0.0
    if 2 * clear.sum() > RUNS and not (fine | broken).any():
        return round(float(np.median(errors)), 3) if known else 1.0
    if broken.any() or fine.any() and clear.any():
        return -1.0
    return 0.001


def gradient_check_inputs(rng: np.random.Generator) -> Cases:
    def numbers(shape):
        """Not near 0, where slopes vanish, and not large, where rounding would drown small gradients."""
        return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.05, 0.15, shape)

    def right(made_of, forward, backward="right", **inputs):
        return case(f"a check that refuses a right pair: {made_of}", forward, backward, **inputs)

    def wrong(made_of, forward, backward, **inputs):
        return case(f"a check that misjudges a wrong backward: {made_of}", forward, backward, **inputs)

    def case(catches, forward, backward, **inputs):
        return Case(
            catches, {"forward": forward, "backward": backward, **inputs, "rng": int(rng.integers(2**31))}
        )

    def two(shape):
        return {"x": numbers(shape), "w": numbers(shape)}

    of_both_signs = np.abs(numbers((2, 3))) * [[1, -1, 1], [-1, 1, 1]]
    small_at_the_end = numbers((2, 3))
    small_at_the_end[-1, -1] *= 1e-3
    return {
        "right, with its dout": case(
            "a dout that does not follow the rng: same seed, same dout; other seed, other dout",
            "x * w", "right, its dout compared", **two((6, 10)),
        ),
        "right, another shape comes out": right(
            "its output has fewer axes than its input", "(x ** 2).sum(axis=0)", x=numbers((2, 3))
        ),
        "right, strongly curved": right("small inputs and a strong curve", "x ** 3", x=numbers((6,))),
        "right, curved ever more": right("a fast wave", "np.sin(180 * x)", x=numbers((2, 3))),
        "right, large outputs": right(
            "outputs of 50,000, which change little", "x + w + 50000", x=numbers((1,)), w=numbers((1,))
        ),
        "right, all slopes 0": right("all gradients are 0", "0 * x", x=numbers((2,))),
        "right, returns its input": right("forward returns its very input", "x", x=numbers((1,))),
        "right, stored by columns": right(
            "an input that lies in memory column by column", "x ** 3", x=np.asfortranarray(numbers((3, 4)))
        ),
        "right, three axes and three inputs": right(
            "three inputs with three axes each", "x * w + b", **two((2, 1, 3)), b=numbers((2, 1, 3))
        ),
        "which output dout belongs to is lost": wrong(
            "every entry of dout replaced by the mean of all", "x ** 3", "dout.mean() for dout", x=numbers((6, 10))
        ),
        "outputs of a sample mixed up": wrong(
            "every row of dout replaced by its mean", "x ** 3", "dout.mean(axis=1) for dout", x=numbers((6, 10))
        ),
        "samples mixed up": wrong(
            "every column of dout replaced by its mean", "x ** 3", "dout.mean(axis=0) for dout", x=numbers((6, 10))
        ),
        "wrong where the slope is 0": wrong(
            "dout in place of 0", "np.minimum(x, 0)", "dout where the slope is 0", x=of_both_signs
        ),
        "wrong in the first entry": wrong(
            "0 in the first of 60 entries", "x ** 3", "first entry 0", x=numbers((6, 10))
        ),
        "wrong after the first sample": wrong(
            "0 in all rows but the first", "x ** 3", "0 after the first sample", x=numbers((3, 2))
        ),
        "wrong in the last entry": wrong("0 in the last of 60 entries", "x ** 3", "last entry 0", x=numbers((6, 10))),
        "wrong for negative inputs": wrong(
            "0 where an input is negative", "x ** 3", "0 where -0.2 < x < 0", x=of_both_signs
        ),
        "wrong where the gradient is small": wrong(
            "0 in one entry, which is small beside the others",
            "x * w", "last entry 0", x=small_at_the_end, w=numbers((2, 3)),
        ),
        "wrong and tiny": wrong(
            "half of a gradient of some 1e-9", "4e-9 * x", "half the gradient", x=numbers((3, 4))
        ),
        "wrong for the last input": wrong(
            "the last of three gradients negative", "x * w + b", "last gradient negative",
            **two((2, 3)), b=numbers((2, 3)),
        ),
        "entries exchanged": wrong(
            "right entries in reverse order", "x ** 3", "entries in reverse order", x=numbers((3, 4))
        ),
        "twice the gradient": wrong("the error is 1/3 everywhere", "x ** 3", "twice the gradient", x=numbers((2, 3))),
        "-2 times the gradient": wrong(
            "the error is 1 everywhere", "x ** 3", "-2 times the gradient", x=numbers((2, 3))
        ),
        "too low, too high": wrong(
            "the first gradient too low everywhere, the last too high",
            "x * w", "first gradient too low, last too high", **two((2, 3)),
        ),
        "one axis too many": wrong("shape (1, 5) for (5,)", "x ** 3", "one axis too many", x=numbers((5,))),
        "one axis too few": wrong("shape (3,) for (3, 3)", "x ** 3", "one axis too few", x=numbers((3, 3))),
        "an axis too short": wrong("shape (1, 4) for (3, 4)", "x ** 3", "added up over the samples", x=numbers((3, 4))),
        "one NaN": wrong("NaN in one entry", "x ** 3", "one NaN", x=numbers((4, 6))),
        "one inf": wrong("inf in one entry", "x ** 3", "one inf", x=numbers((4, 6))),
        "None": wrong("None for the last gradient", "x * w", "last gradient None", **two((2, 3))),
    }


def gradient_check_small() -> Cases:
    def case(forward, backward="right", order="C", **inputs):
        arrays = {
            name: value if isinstance(value, str) else np.array(value, float, order=order)
            for name, value in inputs.items()
        }
        return Case("", {"forward": forward, "backward": backward, **arrays, "rng": 3})

    x, w = [1, 2], [3, -1]
    return {
        "right": case("x ** 3", x=x),
        "right, with its dout": case("x ** 3", "right, its dout compared", x=x),
        "right, two inputs": case("x * w", x=x, w=w),
        "right, returns its input": case("x", x=x),
        "right, all slopes 0": case("0 * x", x=x),
        "right, another shape": case("(x ** 2).sum(axis=0)", x=[[1, 2], [3, -1]]),
        "twice": case("x ** 3", "twice the gradient", x=x),
        "-2 times": case("x ** 3", "-2 times the gradient", x=x),
        "too low, too high": case("x * w", "first gradient too low, last too high", x=x, w=w),
        "first entry": case("x ** 3", "first entry 0", x=[1, 2, 3, -1, -2, 1, 2, -3]),
        "first sample": case("x ** 3", "0 after the first sample", x=x),
        "last entry": case("x ** 3", "last entry 0", x=x),
        "mean": case("x * w", "dout.mean() for dout", x=x, w=w),
        "mean of a sample": case("x ** 3", "dout.mean(axis=1) for dout", x=[[1, 2], [3, -1]]),
        "mean over samples": case("x ** 3", "dout.mean(axis=0) for dout", x=[[1, 2], [3, -1]]),
        "slope 0": case("np.minimum(x, 0)", "dout where the slope is 0", x=[1, -2]),
        "negative inputs": case("x ** 3", "0 where -0.2 < x < 0", x=[0.1, -0.1]),
        "exchanged": case("x ** 3", "entries in reverse order", x=x),
        "last input": case("x * w", "last gradient negative", x=x, w=w),
        "tiny": case("4e-9 * x", "half the gradient", x=x),
        "NaN": case("x ** 3", "one NaN", x=x),
        "inf": case("x ** 3", "one inf", x=x),
        "None": case("x * w", "last gradient None", x=x, w=w),
        "axis too many": case("x ** 3", "one axis too many", x=x),
        "axis too few": case("x ** 3", "one axis too few", x=[[1, 2], [3, -1]]),
        "axis too short": case("x ** 3", "added up over the samples", x=[[1, 2], [3, -1]]),
        "small": case("x * w", "last entry 0", x=[1, 0.0001], w=w),
        "three axes": case("x ** 3", x=[[[1], [2]]]),
        "curved": case("x ** 3", x=[0.05, 0.08]),
        "wave": case("np.sin(180 * x)", x=[0.1, 0.3]),
        "large": case("x + w + 50000", x=[0.1], w=[0.3]),
        "by columns": case("x ** 3", order="F", x=[[1, 2], [3, -1]]),
    }


EXERCISES = (
    Exercise(
        name="linear_forward",
        lab="lab03",
        points=1,
        kind="array",
        asks="The linear layer: every output is a weighted sum of every feature.",
        hints=(
            "One output belongs to one sample n and one output k. Which row of x does it use, and which row of w?",
            "out[n, k] is the sum over d of x[n, d] · w[k, d]. As a matrix product, the axis d must stand last in the "
            "first matrix and first in the second one.",
            "out = x @ w.T has the shape (N, K). If b is not None, add it: it has the shape (K,) and meets the last "
            "axis.",
        ),
        inputs=linear_forward_inputs,
        small=linear_forward_small,
        returns={"out": "array"},
    ),
    Exercise(
        name="linear_backward",
        lab="lab03",
        points=2,
        kind="array",
        asks="The gradients of the linear layer: dx, dw and db from dout.",
        hints=(
            "Take one number, say w[k, d]. Which outputs does it change, and by how much each?",
            "w[k, d] changes out[n, k] by x[n, d], for every sample n. So dw[k, d] adds up dout[n, k] · x[n, d] over "
            "n. "
            "Do the same for x[n, d], which changes out[n, k] for every k, and for b[k].",
            "dx = dout @ w is (N, K) times (K, D). dw adds up over n, so n must stand in the middle: "
            "dout.T @ x is (K, N) times (N, D). db adds up dout over the samples, which are axis 0.",
        ),
        inputs=linear_backward_inputs,
        small=linear_backward_small,
        returns={"dx": "array", "dw": "array", "db": "array"},
    ),
    Exercise(
        name="relu_forward",
        lab="lab03",
        points=1,
        kind="array",
        asks="Keep what is positive, put 0 for the rest.",
        hints=(
            "What comes out for 3, for −3 and for 0?",
            "NumPy compares two arrays, or an array and a number, entry by entry, and can take the larger one of "
            "each pair.",
            "np.maximum(x, 0) makes a new array and leaves x alone. np.max is another function: it looks for one "
            "maximum.",
        ),
        inputs=each_number("x", special=ZEROS),
        small=each_number_small("x", special=([0, -1], [8, -8])),
        returns={"out": "array"},
    ),
    Exercise(
        name="relu_backward",
        lab="lab03",
        points=1,
        kind="array",
        asks="dx from dout, for ReLU.",
        hints=(
            "What is the slope of ReLU at 3, at −3, and, by agreement, at 0?",
            "dx is dout times the slope, entry by entry. The slope depends on x alone, not on dout.",
            "x > 0 is an array of True and False, and in a product they count as 1 and 0: dout * (x > 0).",
        ),
        inputs=each_number("dout", "x", special=ZEROS),
        small=each_number_small("dout", "x", special=([0, -1],)),
        returns={"dx": "array"},
    ),
    Exercise(
        name="relu_jacobian",
        lab="lab03",
        points=1,
        kind="array",
        asks="All slopes of ReLU in one matrix.",
        hints=(
            "Entry (i, j) says how out[i] changes with x[j]. What is it if i and j differ?",
            "Only the diagonal can differ from 0. What stands there for a positive and for a negative x[i]?",
            "np.diag(row) makes a matrix with `row` on its diagonal. The row is 1 where x > 0, else 0, in x's dtype: "
            "(x > 0).astype(x.dtype).",
        ),
        inputs=each_number("x", axes=False, special=ZEROS),
        small=each_number_small("x", axes=False, special=([0, -1],)),
        returns={"jacobian": "array"},
    ),
    Exercise(
        name="sigmoid_forward",
        lab="lab03",
        points=1,
        kind="array",
        asks="Squeeze every number between 0 and 1.",
        hints=(
            "Write the formula first. Then try x = 1000 and x = −1000. What does np.exp return, and what becomes of "
            "it?",
            "1 / (1 + exp(−x)) ends in 1 / inf, which is 0: right, with a warning. exp(x) / (1 + exp(x)) ends in inf "
            "/ inf, "
            "which is NaN.",
            "1 / (1 + np.exp(-x)) passes with a warning. Without one: e = np.exp(-np.abs(x)) never overflows; the "
            "result "
            "is 1 / (1 + e) where x >= 0, and e / (1 + e) elsewhere (np.where).",
        ),
        inputs=each_number("x", scale=3.0, special=FAR),
        small=each_number_small("x", special=([0, 1], [1000, -1000])),
        returns={"out": "array"},
    ),
    Exercise(
        name="sigmoid_backward",
        lab="lab03",
        points=1,
        kind="array",
        asks="dx from dout, for the sigmoid.",
        hints=(
            "The slope is s(1 − s). What is s here: the array x, or something you have to compute from it?",
            "x is what went into the sigmoid. Compute s from it first, as in sigmoid_forward.",
            "s = 1 / (1 + np.exp(-x)); dx = dout * s * (1 - s). You may call your sigmoid_forward for s.",
        ),
        inputs=each_number("dout", "x", scale=2.0, special=FAR),
        small=each_number_small("dout", "x", special=([0, 1], [1000, -1000])),
        returns={"dx": "array"},
    ),
    Exercise(
        name="numerical_gradient",
        lab="lab03",
        points=2,
        kind="callable",
        asks="The gradient of Σ f(x) · dout, by moving each entry of x a little.",
        hints=(
            "Move one entry of x up by h and look at one number, the sum of f(x) · dout. Move it down by h and look "
            "again.",
            "Loop over all indices with `for index in np.ndindex(x.shape)`. Work on a copy of x, so that x itself "
            "stays "
            "as it is, and turn f's result into one number at once, before anything moves again.",
            "For each index: up = x.copy(); up[index] += h; down = x.copy(); down[index] -= h; "
            "dx[index] = (np.sum(f(up) * dout) - np.sum(f(down) * dout)) / (2 * h). dx has the shape of x, not of "
            "dout.",
        ),
        inputs=numerical_gradient_inputs,
        small=numerical_gradient_small,
        returns={"dx": "array"},
        drive=with_function,
    ),
    Exercise(
        name="gradient_check",
        lab="lab03",
        points=3,
        kind="callable",
        asks="One relative error for each input of a pair of functions.",
        hints=(
            "Which three things do you compare for one input: where does the right gradient come from, where the other "
            "one, and which dout do both get?",
            "Draw dout = rng.standard_normal(shape of forward's result): of both signs, a number for each output. "
            "One call of backward gives all gradients. For "
            "input i, the numerical gradient is that of a function of inputs[i] alone; the other inputs stay. Look at "
            "the shape of a gradient first, then at its values.",
            "gradients = backward(dout, *inputs). "
            "For input i: f = lambda moved: forward(*inputs[:i], moved, *inputs[i + 1:]); "
            "e = numerical_gradient(f, inputs[i], dout); a = gradients[i]. "
            "If a is None or np.shape(a) != e.shape, the error is np.inf. Else it is np.max(np.abs(a - e) / np.maximum(1e-8, np.abs(a) + np.abs(e))), "
            "and np.max keeps a NaN.",
        ),
        inputs=gradient_check_inputs,
        small=gradient_check_small,
        returns={"errors": "array"},
        drive=with_pair,
    ),
    Exercise(
        name="leaky_relu_forward",
        lab="lab03",
        points=1,
        kind="array",
        asks="Keep what is positive, multiply the rest by slope.",
        hints=(
            "What comes out for 3 and for −3 with slope 0.1? And with slope 2?",
            "Choose by the sign of x, not by what is larger: with a slope above 1, slope · x is the smaller one for a "
            "negative x.",
            "np.where(x > 0, x, slope * x) makes a new array. Return it.",
        ),
        inputs=each_number("x", special=ZEROS, slopes=True),
        small=each_number_small("x", special=([0, -1],), slopes=(0.5, 0.0, -0.5, 2.0)),
        returns={"out": "array"},
        core=False,
    ),
    Exercise(
        name="leaky_relu_backward",
        lab="lab03",
        points=1,
        kind="array",
        asks="dx from dout, for leaky ReLU.",
        hints=(
            "What is the slope at 3, at −3, and at 0?",
            "dx is dout times the slope at x: 1 where x > 0, and `slope` elsewhere, 0 included.",
            "np.where(x > 0, dout, slope * dout). The default of slope is that of leaky_relu_forward.",
        ),
        inputs=each_number("dout", "x", special=ZEROS, slopes=True),
        small=each_number_small("dout", "x", special=([0, -1],), slopes=(0.5, 0.0, -0.5, 2.0)),
        returns={"dx": "array"},
        core=False,
    ),
    Exercise(
        name="tanh_forward",
        lab="lab03",
        points=1,
        kind="array",
        asks="Squeeze every number between −1 and 1.",
        hints=(
            "Does NumPy have this function already?",
            "Written with exp, it is inf / inf for large x. NumPy's own function is not.",
            "np.tanh(x).",
        ),
        inputs=each_number("x", special=FAR),
        small=each_number_small("x", special=([0, 1], [1000, -1000])),
        returns={"out": "array"},
        core=False,
    ),
    Exercise(
        name="tanh_backward",
        lab="lab03",
        points=1,
        kind="array",
        asks="dx from dout, for tanh.",
        hints=(
            "The slope of tanh is 1 − t². What is t here: x, or something computed from x?",
            "t = tanh(x). x is what went in.",
            "dout * (1 - np.tanh(x) ** 2).",
        ),
        inputs=each_number("dout", "x", special=FAR),
        small=each_number_small("dout", "x", special=([0, 1], [1000, -1000])),
        returns={"dx": "array"},
        core=False,
    ),
)
