"""Lab 8, layers: what is asked.

An answer is a class. A case holds what the object is made of, arrays, and `calls`: what is done with the object, step
by step, as one would type it. After each step the drive notes what came back and what `grads` holds.

Two calls are made by somebody else than the object: an optimizer's `params -= grads`, and `grads *= 0.5` or
`grads[...] = inf`, by which others write into gradients.
"""

from collections.abc import Callable, Mapping

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse, whole

Cases = dict[str, Case]

ONE_PASS = "forward(x); backward(dout)"
SAME_TWICE = "forward(x); backward(dout); forward(x); backward(dout)"
TWO_PASSES = "forward(x); backward(dout); forward(x2); backward(dout2)"
OVERFLOW = "grads[...] = inf"
CLEARED = (
    f"forward(x); backward(dout); zero_grad(); forward(x2); zero_grad(); backward(dout2); {OVERFLOW}; zero_grad()"
)
SAME_CLEARED = CLEARED.replace("2", "")
LAST_COUNTS = "forward(x); forward(x2); backward(dout2); forward(x); backward(dout)"
STEP = "params -= grads"
HALVED = "grads *= 0.5"
STEPPED = f"forward(x); backward(dout); {STEP}; forward(x); backward(dout)"
STEPPED_ON = f"forward(x); backward(dout); {STEP}; forward(x2); backward(dout2)"
STEPPED_TWICE = (
    f"forward(x); backward(dout); {STEP}; zero_grad(); forward(x2); backward(dout2); {STEP}; {HALVED}; "
    "forward(x); backward(dout)"
)
MODES = "forward(x); backward(dout); eval(); forward(x2); backward(dout2); train(); forward(x2); backward(dout2)"
TWO_OBJECTS = "forward(x); other.forward(x2); backward(dout); other.backward(dout2); forward(x)"
THREE_OBJECTS = f"third.forward(x); {TWO_OBJECTS}; third.backward(dout)"
NETWORK_MODES = (  # a forward after each other call shows the mode; the last backward is that of a forward in training
    "forward(x); backward(dout); forward(x); zero_grad(); forward(x); eval(); forward(x2); backward(dout2); "
    "forward(x); zero_grad(); forward(x); train(); forward(x2); eval(); backward(dout2)"
)


# the drive: a sequence of calls -------------------------------------------------------------------


def attribute(made: object, name: str) -> object:
    """What `made` has under this name. Raises Misuse if there is nothing."""
    if not hasattr(made, name):
        raise Misuse("type", f"the object that was made has no {name}")
    return getattr(made, name)


def method(made: object, name: str) -> Callable:
    found = attribute(made, name)
    if not callable(found):
        raise Misuse("type", f"{name} is a {type(found).__name__}; expected a method")
    return found


def live(made: object, kind: str) -> dict[str, object]:
    """What is in `params` or `grads` now, by name."""
    found = attribute(made, kind)
    if callable(found) and not isinstance(found, Mapping):
        raise Misuse("type", f"{kind} is a method; expected a dict: fill it in __init__, or write @property above it")
    if not isinstance(found, Mapping):
        raise Misuse("type", f"{kind} is a {type(found).__name__}; expected a dict")
    return {str(name): array for name, array in found.items()}


def noted(value: object) -> object:
    """A copy as it is now: a later call may change the array. What is no array stays, and the check says so."""
    return np.array(value, subok=False) if isinstance(value, np.ndarray) else value


def is_same(one: object, other: object) -> bool:
    """Whether two arrays are one, or views of the same memory: who changes one in place changes both."""
    if one is other:
        return True
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    places = [(a.__array_interface__["data"][0], a.shape, a.strides, a.dtype) for a in (one, other)]
    return places[0] == places[1]


def step(params: dict[str, object], grads: dict[str, object]) -> None:
    """What an optimizer does: change every array in place. Where that cannot be, the check says why elsewhere."""
    for name, param in params.items():
        grad = grads.get(name)
        if all(isinstance(one, np.ndarray) for one in (param, grad)) and param.shape == grad.shape:
            if param.flags.writeable:
                np.subtract(param, grad, out=param, casting="unsafe")


def written(grads: dict[str, object], words: str) -> None:
    """What others may do to gradients, in place: halve them, or let them overflow."""
    for grad in grads.values():
        if isinstance(grad, np.ndarray) and grad.flags.writeable and grad.dtype.kind == "f":
            grad[...] = grad * 0.5 if words == HALVED else np.inf


class _Traced:
    """An object under examination: the arrays it had at first, and the names they should have."""

    def __init__(self, made: object, names: list[str], prefix: str = ""):
        self.made, self.names, self.prefix = made, names, prefix
        self.first = {kind: live(made, kind) for kind in ("params", "grads")}

    def beginning(self) -> dict[str, object]:
        strange = {
            f"at first: number of names in {self.prefix}{kind} that do not belong there": np.array(
                len(arrays.keys() - set(self.names))
            )
            for kind, arrays in self.first.items()
        }
        return self.arrays("at first", *self.first) | strange

    def arrays(self, when: str, *kinds: str) -> dict[str, object]:
        """What is in the dicts now, under the names that should be there."""
        return {
            f'{when}: {self.prefix}{kind}["{name}"]': noted(array)
            for kind in kinds
            for name, array in live(self.made, kind).items()
            if name in self.names
        }

    def end(self) -> dict[str, object]:
        notes = self.arrays("at the end", "params", "grads")
        for kind, arrays in self.first.items():
            now = live(self.made, kind)
            other = sum(not is_same(arrays[name], now.get(name)) for name in self.names if name in arrays)
            strange = len(now.keys() - arrays.keys())
            notes[f"at the end: number of arrays in {self.prefix}{kind} that were replaced"] = np.array(other)
            notes[f"at the end: number of names in {self.prefix}{kind} that came later"] = np.array(strange)
        return notes


def traced(objects: dict[str, _Traced], calls: str, arrays: dict[str, object]) -> dict[str, object]:
    """Do what `calls` says with the objects ("" and "other."), and give back what was seen, in order."""
    notes, returned = {}, []
    for one in objects.values():
        notes |= one.beginning()
    for number, words in enumerate(filter(None, calls.split("; ")), 1):
        when = f"call {number}, {words}"
        if words == STEP:
            step(objects[""].first["params"], live(objects[""].made, "grads"))
            continue
        if words in (HALVED, OVERFLOW):
            written(live(objects[""].made, "grads"), words)
            continue
        owner, _, rest = words.rpartition(".")
        name, _, argument = rest.removesuffix(")").partition("(")
        result = method(objects[f"{owner}." if owner else ""].made, name)(*([arrays[argument]] if argument else []))
        if name in ("forward", "backward"):
            returned.append((result, noted(result)))
            notes[f"{when}: {'out' if name == 'forward' else 'dx'}"] = noted(result)
        if name in ("backward", "zero_grad"):
            for one in objects.values():
                notes |= one.arrays(when, "grads")
    for one in objects.values():
        notes |= one.end()
    changed = sum(not np.array_equal(now, then) for now, then in returned if isinstance(now, np.ndarray))
    return notes | {"at the end: number of results that changed after they were returned": np.array(changed)}


SPREAD = "every second number"


def spread(array: np.ndarray) -> np.ndarray:
    """A copy with gaps: every second column of an array that stands in memory column by column."""
    gaps = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype, order="F")[..., ::2]
    gaps[...] = array
    return gaps


def drive_layer(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Make a layer from copies of w and b, then those called other and third, where there are; then do the calls.

    What is called other_w, other_b … is the other's own; the rest it has from the first.
    """
    args = case.args
    copied = spread if args.get("memory") == SPREAD else np.copy

    def make(owner: str) -> tuple[_Traced, dict[str, object]]:
        first = {name: args[name] for name in ("w", "b", "stride", "padding") if name in args}
        own = {name: args.get(f"{owner}_{name}", value) for name, value in first.items()}
        parts = {name: copied(value) if isinstance(value, np.ndarray) else value for name, value in own.items()}
        positional = [value for name, value in parts.items() if name not in case.keywords]
        keywords = {name: parts[name] for name in case.keywords}
        names = ["weight"] if parts.get("b") is None else ["weight", "bias"]
        return _Traced(answer(*positional, **keywords), names, owner and f"{owner}."), parts

    made, parts = make("")
    objects = {"": made}
    for owner in ("other", "third"):
        if any(name.startswith(f"{owner}_") for name in args):
            objects[f"{owner}."] = make(owner)[0]
    notes = traced(objects, args["calls"], args)
    if STEP not in args["calls"]:
        arrays = {name: parts[name] for name in ("w", "b") if isinstance(parts.get(name), np.ndarray)}
        changed = sum(not np.array_equal(array, args[name]) for name, array in arrays.items())
        notes["at the end: number of arrays that came in (w, b) and were changed"] = np.array(changed)
    return notes


# Linear -------------------------------------------------------------------------------------------


def linear_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, calls, n, d, k, n2=0, bias=True, other=False, keywords=(), dtype=np.float64, columns=False):
        def draw(*shape):
            if not columns:
                return rng.standard_normal(shape).astype(dtype)
            return np.array(rng.standard_normal((*shape[:-1], 2 * shape[-1])), dtype, order="F")[..., ::2]

        args = {"w": draw(k, d)}
        if bias is not None:
            args["b"] = draw(k) * (bias != "zeros") if bias else None
        args |= {"x": draw(n, d), "dout": draw(n, k)}
        if n2:
            args |= {"x2": draw(n2, d), "dout2": draw(n2, k)}
        if other:
            args |= {"other_w": draw(k, d), "other_b": draw(k), "third_b": None}
        if columns:
            args["memory"] = SPREAD
        return Case(catches, args | {"calls": calls}, keywords)

    return {
        "two passes": case("wrong formulas, gradients overwritten where they must add", TWO_PASSES, 3, 2, 4, 3),
        "all sizes equal": case("transposed matrices, arrays taken for each other", TWO_PASSES, 3, 3, 3, 3),
        "one sample, then three": case("a batch of one repeated", TWO_PASSES, 1, 2, 3, 3, keywords=("b",)),
        "two samples, then one": case("rows left from the batch before", TWO_PASSES, 2, 3, 2, 1),
        "one feature, one output": case("an axis of length 1 lost", TWO_PASSES, 3, 1, 1, 2),
        "zero_grad": case("a zero_grad that forgets, or makes new arrays", CLEARED, 2, 3, 2, 3),
        "forward twice": case("another input than the last one", LAST_COUNTS, 2, 3, 4, 2),
        "steps from outside": case("arrays that others cannot change", STEPPED_TWICE, 2, 3, 2, 3),
        "three layers": case("layers that share what is their own", THREE_OBJECTS, 2, 3, 2, 2, other=True),
        "evaluation, then training": case("a layer that works in one mode only", MODES, 2, 3, 2, 2),
        "a bias of zeros": case("a bias that is dropped because it is 0", STEPPED, 2, 3, 2, bias="zeros"),
        "no bias": case("a bias key where there is no bias", TWO_PASSES, 3, 4, 2, 2, bias=None),
        "no bias, given as None": case("a bias that may be missing", CLEARED, 2, 2, 3, 2, bias=False),
        "float32": case("float64 for float32", TWO_PASSES, 2, 4, 3, 3, dtype=np.float32),
        "float32 without a bias": case("float64 gradients", TWO_PASSES, 3, 2, 4, 2, bias=None, dtype=np.float32),
        "every second column": case("views for some orders in memory, copies for others", STEPPED_ON, 3, 4, 2, 2,
            columns=True),
    }  # fmt: skip


def linear_small() -> Cases:
    def case(calls, w, x, dout, b=None, dtype=np.float64, **more):
        arrays = {"w": w, "b": b, "x": x, "dout": dout, **more}
        if b is None:
            del arrays["b"]
        args = {name: whole(*a).astype(dtype) if isinstance(a, list) else a for name, a in arrays.items()}
        return Case("", args | {"calls": calls})

    return {
        "forward": case("forward(x)", [[3, 4]], [[1, 2]], [[2]], [10]),
        "two outputs": case("forward(x)", [[3, 4], [5, -1]], [[1, 2]], [[2, 1]]),
        "one pass": case(ONE_PASS, [[3, 4]], [[1, 2]], [[2]], [10]),
        "two samples": case(ONE_PASS, [[3, 4]], [[1, 2], [0, 3]], [[2], [-1]], [10]),
        "one pass, two outputs": case(ONE_PASS, [[3, 4], [5, -1]], [[1, 2], [3, 0]], [[2, 1], [-1, 3]], [10, 20]),
        "twice": case(SAME_TWICE, [[3, 4]], [[1, 2]], [[2]], [10]),
        "another input": case(TWO_PASSES, [[3, 4]], [[1, 2]], [[2]], [10], x2=[[0, 5]], dout2=[[-1]]),
        "two samples, then one": case(
            TWO_PASSES, [[3, 4]], [[1, 2], [0, 3]], [[2], [-1]], [10], x2=[[5, 0]], dout2=[[3]]
        ),
        "one sample, then two": case(
            TWO_PASSES, [[3, 4]], [[5, 0]], [[3]], [10], x2=[[1, 2], [0, 3]], dout2=[[2], [-1]]
        ),
        "zero_grad": case(SAME_CLEARED, [[3, 4]], [[1, 2]], [[2]], [10]),
        "forward twice": case(LAST_COUNTS, [[3, 4]], [[1, 2]], [[2]], [10], x2=[[0, 5]], dout2=[[-1]]),
        "a step": case(STEPPED, [[3, 4]], [[1, 2]], [[2]], [10]),
        "a step, numbers apart in memory": case(
            STEPPED, [[3, 4], [5, -1]], [[1, 2]], [[2, 1]], [10, 20], memory=SPREAD
        ),
        "gradients halved": case(f"{ONE_PASS}; {HALVED}; {ONE_PASS}", [[3, 4]], [[1, 2]], [[2]], [10]),
        "three layers": case(
            THREE_OBJECTS, [[3, 4]], [[1, 2]], [[2]], [10], other_w=[[1, 1]], other_b=[20], third_b=None,
            x2=[[0, 5]], dout2=[[-1]]
        ),
        "a bias of 0": case(STEPPED, [[3, 4]], [[1, 2]], [[2]], [0]),
        "no bias": case(SAME_TWICE, [[3, 4]], [[1, 2]], [[2]]),
        "evaluation": case(f"eval(); {ONE_PASS}", [[3, 4]], [[1, 2]], [[2]], [10]),
        "evaluation, then training": case(MODES, [[3, 4]], [[1, 2]], [[2]], [10], x2=[[0, 5]], dout2=[[-1]]),
        "float32": case(ONE_PASS, [[3, 4]], [[1, 2]], [[2]], [10], np.float32),
        "float32 without a bias": case(ONE_PASS, [[3, 4]], [[1, 2]], [[2]], dtype=np.float32),
    }


# Conv2d -------------------------------------------------------------------------------------------


def conv2d_inputs(rng: np.random.Generator) -> Cases:
    def case(
        catches, calls, x, w, stride=None, padding=None, x2=None, bias=True, other=None, keywords=None,
        dtype=np.float64, columns=False,
    ):  # fmt: skip
        def draw(*shape):
            if not columns:
                return rng.standard_normal(shape).astype(dtype)
            return np.array(rng.standard_normal((*shape[:-1], 2 * shape[-1])), dtype, order="F")[..., ::2]

        def size(x, w=w, stride=stride, padding=padding):
            return [(n + 2 * (padding or 0) - k) // (stride or 1) + 1 for n, k in zip(x[2:], w[2:])]

        args = {"w": draw(*w)}
        if bias is not None:
            args["b"] = draw(w[0]) * (bias != "zeros") if bias else None
        more = {"stride": stride, "padding": padding}
        more = {name: value for name, value in more.items() if value is not None}
        args |= more | {"x": draw(*x), "dout": draw(x[0], w[0], *size(x))}
        w2, *geometry = other or (w, stride, padding)
        if x2:
            args |= {"x2": draw(*x2), "dout2": draw(x2[0], w2[0], *size(x2, w2, *geometry))}
        if other:
            args |= {"other_w": draw(*w2), "other_b": draw(w2[0])} | ({"third_b": None} if "third" in calls else {})
            args |= {f"other_{name}": n for name, n in zip(("stride", "padding"), geometry) if n is not None}
        if columns:
            args["memory"] = SPREAD
        return Case(catches, args | {"calls": calls}, tuple(more) if keywords is None else keywords)

    return {
        "wide images": case("height used for width, a mean for a sum", ONE_PASS, (2, 3, 4, 7), (4, 3, 3, 2)),
        "tall images": case("width used for height", ONE_PASS, (3, 2, 7, 4), (2, 2, 2, 3)),
        "all counts equal": case("images, channels and filters mixed up", TWO_PASSES, (2, 2, 3, 4), (2, 2, 2, 2),
            x2=(2, 2, 3, 4)),
        "stride 2, rows and columns left over": case("a gradient smaller than the input, a stride forgotten",
            ONE_PASS, (2, 2, 6, 9), (3, 2, 3, 2), 2),
        "stride 3, padding 1": case("stride and padding forgotten", ONE_PASS, (2, 3, 8, 6), (2, 3, 2, 3), 3, 1),
        "padding 2": case("the border left on the gradient", ONE_PASS, (2, 2, 3, 4), (3, 2, 3, 2), None, 2),
        "stride 2, padding 1, by position": case("parameters in another order", TWO_PASSES, (2, 2, 5, 4), (3, 2, 2, 2),
            2, 1, (2, 2, 4, 7), keywords=()),
        "kernel as large as the padded image": case("a place left out", ONE_PASS, (3, 2, 2, 3), (2, 2, 4, 5), 2, 1),
        "1×1 kernel, stride 2": case("pixels between the places", ONE_PASS, (2, 3, 4, 5), (2, 3, 1, 1), 2),
        "other batch, other images": case("the sizes of the first batch kept", TWO_PASSES, (3, 1, 4, 5), (2, 1, 2, 3),
            1, 1, (2, 1, 6, 3)),
        "one image, then three": case("a batch of one repeated", TWO_PASSES, (1, 2, 3, 4), (2, 2, 2, 2),
            x2=(3, 2, 3, 4), keywords=("b",)),
        "zero_grad": case("a zero_grad that forgets, or makes new arrays", CLEARED, (2, 1, 4, 3), (1, 1, 2, 2),
            x2=(2, 1, 6, 3)),
        "forward twice": case("another input than the last one, the width of the first one", LAST_COUNTS, (2, 2, 3, 4),
            (2, 2, 2, 2), x2=(2, 2, 3, 6)),
        "steps from outside": case("arrays that others cannot change", STEPPED_TWICE, (1, 2, 4, 3), (2, 2, 2, 2),
            padding=1, x2=(2, 2, 3, 3)),
        "three layers": case("layers that share what is their own", THREE_OBJECTS, (2, 2, 3, 4), (2, 2, 2, 3),
            x2=(2, 2, 3, 4), other=((2, 2, 2, 3), None, None)),
        "layers of different sizes": case("layers that share stride, padding or sizes", TWO_OBJECTS, (2, 1, 5, 6),
            (2, 1, 3, 2), 1, 1, (2, 1, 4, 3), other=((2, 1, 2, 1), 2, 0)),
        "evaluation, then training": case("a layer that works in one mode only", MODES, (2, 1, 4, 4), (2, 1, 3, 2),
            2, 1, (2, 1, 4, 4)),
        "a bias of zeros": case("a bias that is dropped because it is 0", STEPPED, (2, 1, 3, 4), (2, 1, 2, 2),
            bias="zeros"),
        "no bias": case("a bias key where there is no bias", TWO_PASSES, (2, 2, 4, 5), (3, 2, 2, 3), 2,
            x2=(1, 2, 4, 5), bias=None),
        "no bias, given as None": case("a bias that may be missing", CLEARED, (2, 1, 4, 3), (2, 1, 2, 2), None, 1,
            (1, 1, 3, 3), bias=False),
        "float32": case("float64 for float32", TWO_PASSES, (2, 2, 4, 5), (3, 2, 3, 2), 1, 1, (1, 2, 5, 4),
            dtype=np.float32),
        "float32 without a bias": case("float64 gradients", ONE_PASS, (2, 1, 4, 5), (3, 1, 2, 2), 2, bias=None,
            dtype=np.float32),
        "every second column": case("views for some orders in memory, copies for others", STEPPED_ON, (2, 2, 4, 5),
            (3, 2, 3, 2), 2, 1, (1, 2, 5, 4), columns=True),
    }  # fmt: skip


def conv2d_small() -> Cases:
    def case(calls, w, x, dout, b=None, dtype=np.float64, geometry=None, **more):
        arrays = {"w": w} | ({} if b is None else {"b": b}) | (geometry or {}) | {"x": x, "dout": dout, **more}
        args = {}
        for name, value in arrays.items():
            if isinstance(value, list):
                array = np.array(value, dtype)
                args[name] = array[None, None] if array.ndim == 2 else array
            else:
                args[name] = value
        return Case("", args | {"calls": calls}, tuple(geometry or ()))

    two = [[[[1.0, 2]]], [[[3, 0]]]]  # two images, two filters of 1 × 2
    return {
        "forward": case("forward(x)", [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "one pass": case(ONE_PASS, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "one pass, two rows": case(ONE_PASS, [[1, 2], [0, 3]], [[1, 0, 2], [4, 5, 6]], [[1, -2]], [10]),
        "two images, two filters": case(ONE_PASS, two, two, [[[[1]], [[2]]], [[[0]], [[-3]]]], [10, 20]),
        "two of all": case(
            ONE_PASS, [[[[1]], [[2]]], [[[3]], [[4]]]], [[[[1, 2]], [[3, 0]]], [[[0, 5]], [[1, 1]]]],
            [[[[1, 2]], [[0, 3]]], [[[4, 0]], [[-1, 1]]]]
        ),
        "stride": case(ONE_PASS, [[2, -1]], [[1, 3, 0, 4, 7]], [[1, 2]], [10], geometry={"stride": 2}),
        "stride 2, 1×1": case(ONE_PASS, [[2]], [[1, 3, 0]], [[1, 2]], geometry={"stride": 2}),
        "padding": case(
            ONE_PASS, [[2, -1, 1]], [[3, 4]], [[1, 5], [2, 6], [1, 7]], [10], geometry={"padding": 1}
        ),
        "by position": Case("", {
            "w": np.array([[[[2.0, -1]]]]), "b": np.array([10.0]), "stride": 2, "padding": 1,
            "x": np.array([[[[1.0, 3, 0]]]]), "dout": np.array([[[[1.0, 2], [3, 4]]]]), "calls": ONE_PASS}),
        "twice": case(SAME_TWICE, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "two images, then one": case(
            TWO_PASSES, [[2, -1]], two, [[[[1]]], [[[2]]]], [10], x2=[[5, 1]], dout2=[[3]]
        ),
        "one image, then two": case(
            TWO_PASSES, [[2, -1]], [[5, 1]], [[3]], [10], x2=two, dout2=[[[[1]]], [[[2]]]]
        ),
        "zero_grad": case(SAME_CLEARED, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "forward twice": case(
            LAST_COUNTS, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10], x2=[[5, 1, 4]], dout2=[[3, 1]]
        ),
        "another width": case(
            TWO_PASSES, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10], x2=[[5, 1, 4, 2]], dout2=[[3, 1, 0]]
        ),
        "another height": case(
            TWO_PASSES, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10], x2=[[5, 1, 4], [2, 0, 1]], dout2=[[3, 1], [1, 2]]
        ),
        "a step": case(STEPPED, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "a step, numbers apart in memory": case(
            STEPPED, [[[[2], [-1]]], [[[3], [0]]]], [[1], [3]], [[[[2]], [[1]]]], [10, 20], memory=SPREAD
        ),
        "gradients halved": case(f"{ONE_PASS}; {HALVED}; {ONE_PASS}", [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "three layers": case(
            THREE_OBJECTS, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10], other_w=[[1, 1]], other_b=[20], third_b=None,
            x2=[[5, 1, 4]], dout2=[[3, 1]]
        ),
        "layers of different sizes": case(
            TWO_OBJECTS, [[2, -1]], [[1, 3]], [[1, 0, 2], [1, 3, 1], [0, 2, 1]], [10],
            geometry={"stride": 1, "padding": 1}, other_w=[[3]], other_b=[20], other_stride=2, other_padding=0,
            x2=[[5, 1, 4]], dout2=[[3, 1]]
        ),
        "a bias of 0": case(STEPPED, [[2, -1]], [[1, 3, 0]], [[1, 2]], [0]),
        "no bias": case(SAME_TWICE, [[2, -1]], [[1, 3, 0]], [[1, 2]]),
        "evaluation": case(f"eval(); {ONE_PASS}", [[2, -1]], [[1, 3, 0]], [[1, 2]], [10]),
        "evaluation, then training": case(
            MODES, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10], x2=[[5, 1, 4]], dout2=[[3, 1]]
        ),
        "float32": case(ONE_PASS, [[2, -1]], [[1, 3, 0]], [[1, 2]], [10], np.float32),
        "float32 without a bias": case(ONE_PASS, [[2, -1]], [[1, 3, 0]], [[1, 2]], dtype=np.float32),
    }


# Sequential ---------------------------------------------------------------------------------------


class _Small:
    """A layer without parameters, in the protocol of the lab, small enough to be worked out by hand."""

    def __init__(self):
        self.params, self.grads, self.mode = {}, {}, "train"

    def zero_grad(self):
        for name in self.grads:
            self.grads[name].fill(0)

    def train(self):
        self.mode = "train"

    def eval(self):
        self.mode = "eval"

    def remember(self, x, out):
        self.seen, self.shape = x, out.shape
        return out

    def came(self, dout):
        """The input of the last forward; dout must fit what forward returned."""
        if dout.shape != self.shape:
            raise ValueError(f"dout has shape {dout.shape}; this layer returned shape {self.shape}")
        return self.seen


class _Scaled(_Small):
    """x times a weight, plus a bias, each where there is one: one number a feature."""

    def __init__(self, **arrays):
        super().__init__()
        self.params = arrays
        self.grads = {name: np.zeros_like(array) for name, array in arrays.items()}

    def forward(self, x):
        return self.remember(x, x * self.params.get("weight", 1) + self.params.get("bias", 0))

    def backward(self, dout):
        for name, change in (("weight", dout * self.came(dout)), ("bias", dout)):
            if name in self.grads:
                self.grads[name] += change.reshape(-1, change.shape[-1]).sum(axis=0)
        return dout * self.params.get("weight", 1)


class _Used(_Small):
    """x times a scale: a parameter of another name, with a gradient from a use before."""

    def __init__(self, scale):
        super().__init__()
        self.params, self.grads = {"scale": scale}, {"scale": np.ones_like(scale)}

    def forward(self, x):
        return self.remember(x, x * self.params["scale"])

    def backward(self, dout):
        change = dout * self.came(dout)
        self.grads["scale"] += change.reshape(-1, change.shape[-1]).sum(axis=0)
        return dout * self.params["scale"]


class _Counting(_Small):
    """x plus n times a bias at the n-th forward since zero_grad: a layer that tells how often it was called."""

    def __init__(self, bias):
        super().__init__()
        self.params, self.grads, self.n = {"bias": bias}, {"bias": np.zeros_like(bias)}, 0

    def zero_grad(self):
        super().zero_grad()
        self.n = 0

    def forward(self, x):
        self.n += 1
        return self.remember(x, x + self.n * self.params["bias"])

    def backward(self, dout):
        self.came(dout)
        self.grads["bias"] += self.n * dout.reshape(-1, dout.shape[-1]).sum(axis=0)
        return dout


class _Squared(_Small):
    def forward(self, x):
        return self.remember(x, x * x)

    def backward(self, dout):
        return 2 * self.came(dout) * dout


class _PairSums(_Small):
    """Half as many features: the sums of neighbours."""

    def forward(self, x):
        return self.remember(x, x[..., ::2] + x[..., 1::2])

    def backward(self, dout):
        self.came(dout)
        return np.repeat(dout, 2, axis=-1)


class _Doubled(_Small):
    """2 · x in training, x in evaluation: a layer that tells whether it was told."""

    def __init__(self, mode="train"):
        super().__init__()
        self.mode = mode

    def forward(self, x):
        self.factor = 2 if self.mode == "train" else 1
        return self.remember(x, self.factor * x)

    def backward(self, dout):
        self.came(dout)
        return self.factor * dout


LAYERS = {
    "x * weight": lambda draw: _Scaled(weight=draw()),
    "x + bias": lambda draw: _Scaled(bias=draw()),
    "x * weight + bias": lambda draw: _Scaled(weight=draw(), bias=draw()),
    "x * scale, used before": lambda draw: _Used(draw()),
    "x + n * bias at the n-th forward": lambda draw: _Counting(draw()),
    "x ** 2": lambda draw: _Squared(),
    "pair sums": lambda draw: _PairSums(),
    "2 * x in training": lambda draw: _Doubled(),
    "2 * x in training, now in eval": lambda draw: _Doubled("eval"),
}


def drive_sequential(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Make the layers, and the answer of them; what is a tuple in `layers` becomes an answer inside the answer.

    The rows of `arrays` are the layers' parameters, in order, each cut to the width its layer sees.
    """
    args = case.args

    def make(prefix: str, rows: list[np.ndarray]) -> tuple[_Traced, list, list, dict]:
        width, found = [args["x"].shape[-1]], {}

        def draw():
            return rows.pop(0)[: width[0]].copy()

        def built(spec, path: str) -> list:
            made = []
            for index, one in enumerate(spec):
                where = f"{path}{index}."
                if isinstance(one, str):
                    layer = LAYERS[one](draw)
                    found.update({f"{where}{name}": (layer, name) for name in layer.params})
                    width[0] //= 2 if one == "pair sums" else 1
                else:
                    layer = answer(built(one, where))
                made.append(layer)
            return made

        given = built(args["layers"], "")
        before = list(given)
        return _Traced(answer(given), list(found), prefix), given, before, found

    made, given, before, found = make("", list(args["arrays"]))
    objects = {"": made}
    if "other" in args["calls"]:
        objects["other."] = make("other.", [row + 1 for row in args["arrays"]])[0]
    notes = traced(objects, args["calls"], args)
    for kind in ("params", "grads"):
        now = live(made.made, kind)
        other = sum(not is_same(now.get(name), getattr(layer, kind)[key]) for name, (layer, key) in found.items())
        notes[f"at the end: number of arrays in {kind} that are not the layers' own"] = np.array(other)
    left_alone = len(given) == len(before) and all(one is other for one, other in zip(given, before))
    changed = np.array(int(not left_alone))
    return notes | {"at the end: number of lists of layers that came in and were changed": changed}


def parameters_in(layers) -> int:
    """How many arrays the layers hold."""
    if isinstance(layers, str):
        return sum(map(layers.count, ("weight", "bias", "scale")))
    return sum(map(parameters_in, layers))


def sequential_inputs(rng: np.random.Generator) -> Cases:
    def case(catches, layers, calls, x, x2=None, dtype=np.float64):
        def draw(*shape):
            return rng.standard_normal(shape).astype(dtype)

        half = str(layers).count("pair sums") + 1
        args = {"layers": layers, "arrays": draw(parameters_in(layers), x[-1])}
        args |= {"x": draw(*x), "dout": draw(*x[:-1], x[-1] // half)}
        if x2:
            args |= {"x2": draw(*x2), "dout2": draw(*x2[:-1], x2[-1] // half)}
        return Case(catches, args | {"calls": calls})

    three = ["x * weight", "x ** 2", "x + bias"]
    return {
        "three layers": case("backward from first to last", three, ONE_PASS, (3, 4)),
        "a layer that halves": case(
            "backward from first to last", ["x * weight + bias", "pair sums", "x * weight"], TWO_PASSES, (3, 4), (2, 4)
        ),
        "four layers": case(
            "a layer left out", ["x ** 2", "x + bias", "x * weight", "x ** 2"], TWO_PASSES, (2, 3), (3, 3)
        ),
        "one layer": case("a last layer treated otherwise", ["x * weight + bias"], ONE_PASS, (2, 3)),
        "eleven layers": case(
            "names without a number, an order of names", ["x * weight", "x + bias"] * 5 + ["x * weight"],
            TWO_PASSES, (2, 3), (2, 3),
        ),
        "a layer used before": case(
            "layers changed when they are put in, names that are guessed", ["x ** 2", "x * scale, used before"],
            TWO_PASSES, (2, 3), (2, 3),
        ),
        "first layers without parameters": case(
            "only layers with parameters counted",
            ["x ** 2", "2 * x in training", "x * weight + bias"], ONE_PASS, (2, 3),
        ),
        "no parameters at all": case("layers that need parameters", ["x ** 2", "x ** 2"], CLEARED, (2, 3), (1, 3)),
        "no layers": case("an empty network", [], TWO_PASSES, (2, 3), (1, 3)),
        "no layers, not run": case("networks that share their layers", [], "zero_grad()", (2, 3)),
        "a network in a network": case(
            "names of inner layers",
            ["x * weight", ("x + bias", "x ** 2", "x * weight"), "x * weight + bias"],
            TWO_PASSES, (2, 3), (3, 3),
        ),
        "networks in networks": case(
            "names of inner layers, and modes that stop on the way",
            [("2 * x in training", ("x * weight", "2 * x in training")), (), "x + bias"],
            f"{MODES}; zero_grad()", (2, 3), (2, 3),
        ),
        "zero_grad": case(
            "a zero_grad that is not passed on, a forward too many",
            ["x + n * bias at the n-th forward", *three], CLEARED, (2, 3), (3, 3),
        ),
        "evaluation, then training": case(
            "train and eval that are not passed on, or called where nobody asked",
            ["2 * x in training", "x * weight", "2 * x in training"], NETWORK_MODES, (2, 3), (3, 3),
        ),
        "one layer in evaluation": case(
            "a mode that is turned over, or believed to be known",
            ["2 * x in training", "x * weight", "2 * x in training, now in eval"],
            "forward(x); train(); forward(x); eval(); eval(); forward(x); train(); train(); forward(x2); "
            "backward(dout2)",
            (2, 3), (2, 3),
        ),
        "steps from outside": case("parameters that are copies", three, STEPPED_TWICE, (2, 3), (3, 3)),
        "forward twice": case("another input than the last one", three, LAST_COUNTS, (2, 3), (2, 3)),
        "two networks": case("networks that share what is their own", three, TWO_OBJECTS, (2, 3), (2, 3)),
        "float32": case("float64 for float32", three, TWO_PASSES, (2, 3), (1, 3), np.float32),
        "three axes": case("inputs of two axes only", three, ONE_PASS, (2, 3, 4)),
    }  # fmt: skip


def sequential_small() -> Cases:
    def case(calls, layers, arrays=(), x=((1, 2),), dout=((3, -1),), dtype=np.float64, **more):
        given = {"arrays": arrays or np.zeros((0, 2)), "x": x, "dout": dout, **more}
        args = {name: np.array(value, dtype) for name, value in given.items()}
        return Case("", {"layers": layers} | args | {"calls": calls})

    times, plus, square, double = "x * weight", "x + bias", "x ** 2", "2 * x in training"
    used, counting, resting = "x * scale, used before", "x + n * bias at the n-th forward", f"{double}, now in eval"
    rows = [[2, 3], [1, -1]]
    return {
        "one layer, forward": case("forward(x)", [times], rows[:1]),
        "two layers, forward": case("forward(x)", [times, square], rows[:1]),
        "one layer": case(ONE_PASS, [times], rows[:1]),
        "no parameters": case(ONE_PASS, [square, square]),
        "two layers": case(ONE_PASS, [times, square], rows[:1]),
        "the second has the weight": case(ONE_PASS, [square, times], rows[:1]),
        "three layers": case(ONE_PASS, [times, square, plus], rows),
        "two of a kind": case(ONE_PASS, [times, times], rows),
        "a layer that halves": case(ONE_PASS, ["pair sums", times], [[2, 3]], [[1, 2]], [[3]]),
        "halves at the end": case(ONE_PASS, [times, "pair sums"], [[2, 3]], [[1, 2]], [[3]]),
        "twice": case(SAME_TWICE, [times, square], rows[:1]),
        "zero_grad": case(SAME_CLEARED, [times, square], rows[:1]),
        "zero_grad of two": case(SAME_CLEARED, [times, plus], rows),
        "zero_grad of a network": case(SAME_CLEARED, [(times,), square], rows[:1]),
        "three axes": case(ONE_PASS, [times], rows[:1], [[[1, 2]]], [[[3, -1]]]),
        "a layer used before": case(ONE_PASS, [used], rows[:1]),
        "forward counted": case(f"{SAME_TWICE}; zero_grad(); {ONE_PASS}", [counting], rows[:1]),
        "eleven layers": case(
            ONE_PASS, [times, plus] * 5 + [times], [[1], [0], [2], [0], [1], [0], [1], [0], [1], [4], [3]], [[1]], [[2]]
        ),
        "evaluation": case("eval(); forward(x)", [double, double]),
        "one layer in evaluation": case("forward(x); train(); forward(x)", [double, resting]),
        "evaluation, then training": case(MODES.replace("2", ""), [double, times], rows[:1]),
        "a mode for each call": case(NETWORK_MODES.replace("2", ""), [double, times], rows[:1]),
        "training again": case("eval(); forward(x); train(); forward(x); backward(dout)", [times, double], rows[:1]),
        "twice told": case("eval(); eval(); forward(x); train(); train(); forward(x)", [double]),
        "a step": case(STEPPED, [times, square], rows[:1]),
        "two networks": case(
            TWO_OBJECTS, [times, square], rows[:1], x2=[[0, 5]], dout2=[[-1, 1]]
        ),
        "forward twice": case(LAST_COUNTS, [square, times], rows[:1], x2=[[0, 5]], dout2=[[-1, 1]]),
        "no layers": case(ONE_PASS, []),
        "no layers, not run": case("zero_grad()", []),
        "a network in a network": case(ONE_PASS, [square, (square, times)], rows[:1]),
        "a mode in a network in a network": case("eval(); forward(x)", [(double,), times], rows[:1]),
        "float32": case(ONE_PASS, [times, square], rows[:1], dtype=np.float32),
    }


EXERCISES = (
    Exercise(
        name="Linear",
        lab="lab08",
        points=2,
        kind="trace",
        asks="The linear layer as an object: it remembers its input, and its gradients add up.",
        hints=(
            "Write down what must last from one call to the next. backward needs the input of the last forward: who "
            "keeps it? An optimizer needs the weights and their gradients: where does it find them? What of all this "
            "has to be there before the first forward?",
            "In __init__: params and grads, two dicts that belong to this one object, with an array of zeros in "
            "grads for "
            "every array in params. In forward: keep x, return the sum of x's products with the weights, plus "
            "the bias. "
            "In backward: three gradients, as in the table above. Two of them are added to arrays that are there "
            "already, in place; the third is returned. zero_grad fills the arrays with 0 and leaves them where "
            "they are.",
            "__init__: self.params = {\"weight\": w}, and \"bias\" only where b is not None; self.grads = the "
            "same names, "
            "each with np.zeros_like of its array. backward: self.grads[\"weight\"] += dout.T @ self.x, the bias's "
            "gradient is dout.sum(axis=0), and dout @ weight is returned. zero_grad: grad[...] = 0 for each array. "
            "train and eval: pass.",
        ),
        inputs=linear_inputs,
        small=linear_small,
        returns={},
        drive=drive_layer,
    ),
    Exercise(
        name="Conv2d",
        lab="lab08",
        points=3,
        kind="trace",
        asks="The convolution layer as an object, with stride and padding.",
        hints=(
            "The protocol is the one of Linear: what changes is the operation and its three gradients. Which output "
            "pixels use the weight w[f, c, i, j], and on which pixels of x? Say it for i = j = 0, stride 2.",
            "Pad x. Then one double loop over i and j, the places in the kernel, is enough. For each, the pixels under "
            "w[:, :, i, j] are one slice of the padded x with step `stride`, of shape (N, C, OH, OW). Forward adds to "
            "out, backward adds to dw[:, :, i, j] from the same slice, and adds to the same slice of an array of zeros "
            "of the padded shape, which becomes dx when the border is cut off.",
            "part = padded[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride]. Forward: out += "
            "np.einsum(\"nchw,fc->nfhw\", part, w[:, :, i, j]). Backward: dw[:, :, i, j] = "
            "np.einsum(\"nfhw,nchw->fc\", "
            "dout, part), and the same slice of dpadded += np.einsum(\"nfhw,fc->nchw\", dout, w[:, :, i, j]). "
            "The bias's "
            "gradient is dout.sum(axis=(0, 2, 3)); dx = dpadded[:, :, padding : padding + H, padding : padding + W].",
        ),
        inputs=conv2d_inputs,
        small=conv2d_small,
        returns={},
        drive=drive_layer,
    ),
    Exercise(
        name="Sequential",
        lab="lab08",
        points=2,
        kind="trace",
        asks="A network of layers in a row, which is itself a layer.",
        hints=(
            "Hand a sheet of paper along a row of people, and then back. Who gets it first on the way back? And "
            "what do "
            "zero_grad, train and eval have to do, when only the layers know how?",
            "forward: x goes through the layers, and each one's output is the next one's input. backward: the "
            "same from "
            "last to first, with dout. The other three call the same method of every layer. params and grads: run over "
            "enumerate(layers) and over each layer's own dict. The name is the number, a dot, the layer's name; "
            "the array is the layer's own, not a copy. A network inside then gets its names by itself.",
            "for layer in reversed(self.layers): dout = layer.backward(dout); then return dout. Names: "
            "self.params[f\"{index}.{name}\"] = array, in a loop over enumerate(layers) and in it over "
            "layer.params.items(); the same for grads. zero_grad: for each layer, layer.zero_grad().",
        ),
        inputs=sequential_inputs,
        small=sequential_small,
        returns={},
        drive=drive_sequential,
    ),
)
