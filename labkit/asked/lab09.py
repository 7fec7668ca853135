"""Lab 9, training: what is asked."""

import math
from collections.abc import Callable

import numpy as np

from labkit.asked.exercise import Case, Exercise, Misuse, whole

# SGD --------------------------------------------------------------------------------------------


class Holder:
    """A model that has parameters and gradients and nothing else: live arrays in two dicts."""

    def __init__(self, params: dict[str, np.ndarray], grads: dict[str, np.ndarray]):
        self.params, self.grads = params, grads

    def zero_grad(self) -> None:
        for grad in self.grads.values():
            grad[...] = 0


class Gatherer(Holder):
    """The same, but the dicts are gathered anew at each look, as those of a Sequential may be."""

    @property
    def params(self) -> dict[str, np.ndarray]:
        return dict(self._params)

    @params.setter
    def params(self, params: dict[str, np.ndarray]) -> None:
        self._params = params

    @property
    def grads(self) -> dict[str, np.ndarray]:
        return dict(self._grads)

    @grads.setter
    def grads(self, grads: dict[str, np.ndarray]) -> None:
        self._grads = grads


def sgd_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, weight, bias, steps=3, dtype=np.float64, order="C", keywords=(), steep=1, **settings):
        def draw(*shape):
            return np.asarray(rng.standard_normal(shape).astype(dtype), order=order)

        arrays = {
            "weight": draw(*weight), "bias": draw(*bias), "weight_grads": steep * draw(steps, *weight),
            "bias_grads": steep * draw(steps, *bias),
        }  # fmt: skip
        return Case(catches, {**arrays, **settings}, keywords)

    def still(case):
        """The same case, where after two steps all gradients are 0, and after three some."""
        for name in ("weight_grads", "bias_grads"):
            case.args[name][2] = 0
            case.args[name][3, ::2] = 0
        return case

    return {
        "momentum": still(case("the formula of the velocity, where its state lives, or a gradient of 0 that stops it",
                               (4, 3), (4,), 5, lr=0.1, momentum=0.99)),  # fmt: skip
        "no momentum": case("a momentum that nobody asked for", (2, 3), (2,), lr=0.2),
        "momentum 0 by name": case("a division by the momentum", (2, 3), (2,), lr=0.3, momentum=0.0,
                                   keywords=("lr", "momentum")),  # fmt: skip
        "kernels": case("two axes taken for granted", (3, 2, 2, 3), (3,), lr=0.05, momentum=0.5,
                        keywords=("momentum",)),  # fmt: skip
        "two parameters of one shape": case("one velocity for all, or for all of a shape", (3, 2), (3, 2), 4,
                                            lr=0.1, momentum=0.8, keys=("0.weight", "2.weight")),  # fmt: skip
        "dicts gathered anew": case("a new array put into the dict", (2, 3), (2,), lr=0.25, momentum=0.6,
                                    keys=("0.weight", "0.bias"), gathered=True),  # fmt: skip
        "a large step": case("a gradient that is cut off, or a step that is", (2, 2), (2,), steep=100,
                             lr=40.0, momentum=0.9),  # fmt: skip
        "float32": case("float64 for float32", (3, 4), (3,), dtype=np.float32, lr=0.1, momentum=0.9),
        "another order in memory": case("only arrays in row order", (3, 4), (3,), order="F", lr=0.1, momentum=0.7),
    }


def sgd_small() -> dict[str, Case]:
    def case(weight, weight_grads, lr, momentum=0.0, bias=None, bias_grads=None, gathered=False, dtype=np.float64):
        arrays = {"weight": whole(*weight).astype(dtype), "weight_grads": whole(*weight_grads).astype(dtype)}
        if bias is not None:
            arrays |= {"bias": whole(*bias).astype(dtype), "bias_grads": whole(*bias_grads).astype(dtype)}
        settings = {"lr": lr} | ({"momentum": momentum} if momentum else {}) | ({"gathered": True} if gathered else {})
        return Case("", {**arrays, **settings})

    return {
        "one number": case([5], [[2], [2]], 0.5),
        "momentum": case([9], [[4], [4], [8]], 0.5, 0.5),
        "two numbers": case([5, 5], [[1, 2], [3, 2]], 0.5, 0.5),
        "two parameters": case([9], [[4], [4]], 0.5, 0.5, [1], [[2], [0]]),
        "gathered": case([9], [[4], [4]], 0.5, 0.5, gathered=True),
        "a large step": case([9], [[40], [400]], 20.0),
        "float32": case([9], [[4], [4]], 0.5, 0.5, dtype=np.float32),
        "momentum near 1": case([9], [[4], [4]], 0.5, 0.99),
        "a table": case([[1, 2], [3, 4]], [[[1, 0], [2, 0]], [[0, 1], [2, 0]]], 0.5, 0.5),
    }


OTHER = 0.5  # the second model's optimiser, and the new one for the first, have this part of lr and momentum
SECOND = "of a second model, with half of lr and momentum, after its step"
AT_REST = "with a new optimiser and gradients of 0"
GOES_ON = "when the first optimiser goes on, with its first gradients again"
PUT_BACK = "put back to its start, and moved once more"


def several_steps(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Make an optimiser, hand it gradients step by step, and note the model's own arrays after each step.

    After the first step a second optimiser, with other settings, makes two steps with a model of its own, equal to the
    first at its start. Then, with the first model: a new optimiser with other settings makes a step with gradients of
    0; the first optimiser goes on; the parameters are put back in place, and it makes a step. At last a third model has
    gradients that are NaN.

    `keys` in a case: the parameters' names; `gathered`: the dicts are made anew at each look.
    """
    names = [name for name in ("weight", "bias") if name in case.args]
    first, second = model_of(case, names), model_of(case, names)
    optimizer, seen = optimiser(answer, first, case), {}

    def note(model: Holder, told: str) -> None:
        seen.update({f"{name} {told}": model.own[name].copy() for name in names})

    for number in range(len(case.args["weight_grads"])):
        step(optimizer, first, case, names, number)
        note(first, f"after step {number + 1}")
        if number == 0:
            other = optimiser(answer, second, case, OTHER)
            for again in (0, 1):
                step(other, second, case, names, again)
                note(second, f"{SECOND} {again + 1}")
    params, grads = first.params, first.grads
    for name, key in zip(names, keys_of(case)):
        seen[f"{name} gradient after the last step"] = first.own_grads[name].copy()
        kept = params.get(key) is first.own[name] and grads.get(key) is first.own_grads[name]
        seen[f"{name} is the model's own array still"] = np.array(kept)
    last = optimiser(answer, first, case, OTHER)
    for name in names:
        first.own_grads[name][...] = 0
    last.step()
    note(first, AT_REST)
    step(optimizer, first, case, names, 0)
    note(first, GOES_ON)
    for name in names:
        first.own[name][...] = case.args[name]
    step(optimizer, first, case, names, 0)
    note(first, PUT_BACK)
    third = model_of(case, names, "other.")  # with names of its own: what is shared by name stays free of NaN
    for name in names:
        third.own_grads[name][...] = np.nan
    optimiser(answer, third, case).step()
    return seen | {f"{name} turned NaN with its gradient": np.array(np.isnan(third.own[name]).all()) for name in names}


def keys_of(case: Case) -> tuple[str, ...]:
    return case.args.get("keys", ("weight", "bias"))


def model_of(case: Case, names: list[str], before: str = "") -> Holder:
    """A model with copies of the parameters; the gradients are an earlier backward's, and in another order."""
    own = {name: case.args[name].copy(order="K") for name in names}
    own_grads = {name: np.full_like(own[name], 7) for name in names}
    keys = [before + key for key in keys_of(case)]
    params, grads = ({key: arrays[name] for name, key in zip(names, keys)} for arrays in (own, own_grads))
    model = (Gatherer if case.args.get("gathered") else Holder)(params, dict(reversed(grads.items())))
    model.own, model.own_grads = own, own_grads
    return model


def optimiser(answer: Callable, model: Holder, case: Case, part: float = 1.0) -> object:
    settings = {name: part * case.args[name] for name in ("lr", "momentum") if name in case.args}
    positional = [value for name, value in settings.items() if name not in case.keywords]
    return answer(model, *positional, **{name: settings[name] for name in settings if name in case.keywords})


def step(optimizer: object, model: Holder, case: Case, names: list[str], number: int) -> None:
    """New gradients in the model's own arrays, as backward leaves them after zero_grad; then one step."""
    for name in names:
        model.own_grads[name][...] = case.args[f"{name}_grads"][number]
    optimizer.step()


# kaiming_normal ---------------------------------------------------------------------------------

ENTRIES, SMALL_ENTRIES = 6_000, 2_400  # numbers that are drawn in a case: enough to measure a spread


def kaiming_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, *shape, keywords=()):
        return Case(catches, {"shape": shape, "rng": int(rng.integers(2**31)), "entries": ENTRIES}, keywords)

    return {
        "a wide layer": case("fan_out for fan_in", 40, 60),
        "a tall layer": case("fan_in and fan_out added, or the larger of the two", 150, 7),
        "kernels": case("channels only, or pixels only", 25, 4, 5, 3),
        "many kernels": case("a spread for each filter, or the filters counted in", 64, 3, 2, 4,
                             keywords=("shape", "rng")),  # fmt: skip
        "two inputs": case("one added to fan_in, or taken away", 200, 2),
        "one filter": case("an axis of length 1 lost", 1, 20, 5, 4),
    }


def kaiming_small() -> dict[str, Case]:
    def case(*shape):
        return Case("", {"shape": shape, "rng": 0, "entries": SMALL_ENTRIES})

    return {"a layer": case(2, 8), "a tall layer": case(9, 2), "kernels": case(2, 2, 2, 3), "one row": case(1, 12)}


def many_draws(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Draw until there are `entries` numbers: `w` (draws, *shape). The last draw has the Generator of the first.

    Draws 2k and 2k + 1 share a Generator, so the second goes on where the first has left it.
    """
    shape, seed = case.args["shape"], case.args["rng"]
    draws, made = max(4, -(-case.args["entries"] // int(np.prod(shape)))), []
    for number in range(draws + 1):
        if number % 2 == 0 or number == draws:
            rng = np.random.default_rng(seed + number % draws // 2)
        made.append(weights(answer, shape, rng, bool(case.keywords)))
    if len({(one.shape, one.dtype) for one in made}) > 1:
        raise Misuse("type", "it returned arrays of different shapes or dtypes for the same shape")
    return {"w": np.stack(made)}


def weights(answer: Callable, shape: tuple[int, ...], rng: np.random.Generator, by_name: bool) -> np.ndarray:
    """One call. Raises Misuse where no array of numbers came."""
    made = answer(shape=shape, rng=rng) if by_name else answer(shape, rng)
    if made is None:
        raise Misuse("none", "it returned None; expected an array. Is the return missing?")
    if not isinstance(made, np.ndarray) or made.dtype.kind not in "biuf":
        kind = f"an array of {made.dtype}" if isinstance(made, np.ndarray) else f"a {type(made).__name__}"
        raise Misuse("type", f"it returned {kind}; expected a NumPy array of floats")
    return made.copy()


# fit --------------------------------------------------------------------------------------------

LR = 0.02  # of the optimiser that `fit` is given here
EVENTS = "TEZFLBS"  # train, eval, zero_grad, forward, loss, backward, step
EVAL_SHIFT = 0.5  # added to the logits in eval mode, so that a loss from there is another one
TOO_MANY = 3  # times as many forwards as there should be: something has no end


class Notes:
    """What model, loss and optimiser saw while `fit` ran."""

    def __init__(self, x: np.ndarray, most: int):
        self.rows, self.image, self.dtype, self.most = x.reshape(len(x), -1).copy(), x.shape[1:], x.dtype, most
        self.events: list[str] = []  # letters of EVENTS
        self.batches: list[np.ndarray] = []  # of each forward: what came
        self.training: list[bool] = []  # of each forward
        self.labels: list[np.ndarray] = []  # of each loss
        self.losses: list[float] = []
        self.logits: np.ndarray | None = None  # what the last forward gave
        self.aligned: list[bool] = []  # of each loss: it was given all of those logits, in their order
        self.clean: list[bool] = []  # of each backward: the gradients were zero before
        self.weights: list[np.ndarray] = []  # before each step

    def samples(self) -> np.ndarray:
        """Which samples came to all forwards, one after the other; -1 for what is none."""
        came = np.concatenate([self.rows[:0], *self.batches])
        same = (came[:, None] == self.rows[None]).all(axis=2)
        return np.where(same.any(axis=1), same.argmax(axis=1), -1)


class Model:
    """A small network that works: the logit of a sample is a weighted sum of its numbers. It notes what it is told."""

    def __init__(self, notes: Notes, training: bool):
        self.notes, self.training = notes, True
        self._training = training
        weight = np.linspace(-0.5, 0.5, notes.rows.shape[1] + 1)[1:].astype(notes.dtype)
        self.params = {"weight": weight[None].copy()}
        self.grads = {"weight": np.full_like(self.params["weight"], 3)}  # left over from an earlier backward
        self._weight, self._grad, self._x = self.params["weight"], self.grads["weight"], None

    def train(self) -> "Model":
        self.notes.events.append("T")
        self._training = True
        return self

    def eval(self) -> "Model":
        self.notes.events.append("E")
        self._training = False
        return self

    def zero_grad(self) -> None:
        self.notes.events.append("Z")
        self._grad[...] = 0

    def forward(self, x: np.ndarray) -> np.ndarray:
        notes = self.notes
        if not isinstance(x, np.ndarray) or x.shape[1:] != notes.image or x.ndim != 1 + len(notes.image):
            came = f"has shape {x.shape}" if isinstance(x, np.ndarray) else f"is a {type(x).__name__}"
            raise ValueError(f"model.forward: x {came}, expected ({', '.join(['n', *map(str, notes.image)])})")
        if x.dtype != notes.dtype:
            raise ValueError(f"model.forward: x is {x.dtype}, the parameters are {notes.dtype}")
        if len(x) == 0:
            raise ValueError("model.forward: an empty batch came")
        if len(notes.batches) >= notes.most:
            raise RuntimeError(f"model.forward was called {notes.most} times, and there is no end")
        notes.events.append("F")
        notes.training.append(self._training)
        self._x = x.reshape(len(x), -1).copy()
        notes.batches.append(self._x)
        notes.logits = self._x @ self._weight.T
        if not self._training:
            notes.logits += notes.dtype.type(EVAL_SHIFT)
        return notes.logits.copy()

    def backward(self, dout: np.ndarray) -> np.ndarray:
        if self._x is None:
            raise RuntimeError("model.backward was called before model.forward, or a second time for one forward")
        if not isinstance(dout, np.ndarray) or dout.shape != (len(self._x), 1):
            came = f"has shape {dout.shape}" if isinstance(dout, np.ndarray) else f"is a {type(dout).__name__}"
            raise ValueError(f"model.backward: dout {came}, expected ({len(self._x)}, 1), as forward returned")
        self.notes.events.append("B")
        self.notes.clean.append(not self._grad.any())
        self._grad += dout.T @ self._x
        self._x = None
        return dout @ self._weight


class Loss:
    """The mean squared distance of logits (n, 1) and labels (n,), with its gradient. It notes what it is given.

    With `nan_label` the loss of a batch with that label is NaN; the gradient is as ever.
    """

    def __init__(self, notes: Notes, nan_label: int | None = None):
        self.notes, self.nan_label = notes, nan_label

    def __call__(self, logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        labels = np.asarray(labels)
        if not isinstance(logits, np.ndarray) or logits.ndim != 2:
            raise ValueError("loss: expected the logits first and the labels second: loss(logits, labels)")
        if labels.shape != (len(logits),):
            raise ValueError(f"loss: labels have shape {labels.shape}, expected ({len(logits)},) as the logits")
        self.notes.events.append("L")
        self.notes.labels.append(labels.copy())
        self.notes.aligned.append(np.array_equal(logits, self.notes.logits))
        distance = np.subtract(logits[:, 0], labels, dtype=logits.dtype, casting="unsafe")
        broken = self.nan_label is not None and (labels == self.nan_label).any()
        value = math.nan if broken else float(distance @ distance) / len(distance)
        self.notes.losses.append(value)
        return value, (2 / len(logits)) * distance[:, None]


class Optimizer:
    """Plain gradient descent. It notes its steps and the weights before each."""

    def __init__(self, model: Model):
        self.model = model

    def step(self) -> None:
        model = self.model
        model.notes.events.append("S")
        model.notes.weights.append(model._weight.ravel().copy())
        model._weight -= model._weight.dtype.type(LR) * model._grad

    def zero_grad(self) -> None:
        raise AttributeError("this optimizer has step() alone; the gradients are the model's: model.zero_grad()")


def fit_inputs(rng: np.random.Generator) -> dict[str, Case]:
    def case(catches, count, batch_size, epochs, image=(3,), dtype=np.float64, labels=np.int64, training=True,
             order="C", keywords=(), **more):  # fmt: skip
        x = np.asarray(rng.standard_normal((count, *image)).astype(dtype), order=order)
        y = rng.permutation(np.arange(count) % 4).astype(labels)
        y[-1] = more.get("nan_label", y[-1])
        args = {"x": x, "y": y, "epochs": epochs, "batch_size": batch_size, "rng": int(rng.integers(2**31))}
        return Case(catches, {**args, "training": training, **more}, keywords)

    return {
        "a last batch that is smaller": case("a mean over batches, or the rest dropped", 14, 4, 3),
        "many epochs": case("an order that is not random, or not anew in each epoch", 9, 4, 16, (2,)),
        "batches that come out even": case("an empty batch, or the last one lost", 15, 5, 2),
        "a last batch of one": case("a last batch that counts like a full one", 16, 5, 2, (2,), np.float64, np.int32,
                                    keywords=("epochs", "batch_size", "rng")),  # fmt: skip
        "one epoch": case("one epoch too many, or too few; a first epoch in the order of x", 14, 4, 1),
        "full batch": case("batch_size taken for the number of batches", 15, 15, 3),
        "more than there are": case("no batch at all", 14, 20, 3),
        "one sample a batch": case("an axis of length 1 lost, or batches counted as samples", 15, 1, 2),
        "found in eval mode": case("the mode left as it was found", 14, 4, 2, training=False),
        "images in float32": case("images made flat, or float64 for float32", 14, 4, 2, (1, 2, 3), np.float32,
                                  np.uint8),  # fmt: skip
        "another order in memory": case("only arrays in row order", 14, 4, 2, (2, 3), order="F"),
        "a loss of NaN": case("a NaN left out of the mean", 14, 4, 2, nan_label=7),
    }


def fit_small() -> dict[str, Case]:
    def case(labels, batch_size, epochs, training=True, axes=2, dtype=np.float64, label_dtype=np.int64, **more):
        x = np.arange(1.0, 1 + len(labels)).astype(dtype).reshape(-1, *[1] * (axes - 1))
        args = {"x": x, "y": np.array(labels, label_dtype), "epochs": epochs, "batch_size": batch_size, "rng": 0}
        return Case("", {**args, "training": training, **more})

    return {
        "three samples": case([1, 0, 2], 2, 2),
        "a rest": case([0, 1, 1, 0, 1], 2, 2),
        "found in eval mode": case([1, 0, 2], 2, 1, training=False),
        "one batch": case([1, 0, 2], 3, 3),
        "more than there are": case([1, 0, 2], 4, 2),
        "no rest": case([1, 0, 2, 1], 2, 2),
        "one sample a batch": case([1, 0, 2], 1, 2),
        "images": case([1, 0, 2], 2, 2, axes=4, dtype=np.float32, label_dtype=np.uint8),
        "many epochs": case([0, 1, 2, 1, 0, 2, 0, 1, 2], 2, 16),
        "nine samples": case([0, 1, 2, 1, 0, 2, 0, 1, 2], 1, 2),
        "a loss of NaN": case([1, 0, 7], 2, 2, nan_label=7),
    }


MANY = 10  # epochs that say more about the order than a repeated call would


def several_fits(answer: Callable, case: Case, returns: dict[str, str]) -> dict[str, object]:
    """Train a new model in each of three calls, with the seeds s, s + 1 and s, and tell by the call's number what
    the model, the loss and the optimiser saw.

    Where there are many epochs, the third call goes on with the Generator of the second instead.

    history   what fit returned
    events    the calls in their order, as places in EVENTS
    samples, sizes   the samples of all forwards, one after the other, and how many in each
    labels, losses   what the loss was given, likewise, and what it gave
    aligned   for each loss: whether it was given the logits of the last forward, as they came
    training, clean  the mode of each forward; for each backward whether the gradients were zero before
    weights   before each step, and at the end
    mode      whether the model is in training mode in the end
    """
    found, x, y = {}, case.args["x"], case.args["y"]
    batches = -(-len(x) // case.args["batch_size"]) * case.args["epochs"]
    changed = {"x": False, "y": False}
    for number in range(3):
        if number < 2 or case.args["epochs"] < MANY:
            rng = np.random.default_rng(case.args["rng"] + number % 2)
        notes = Notes(x, TOO_MANY * batches + len(x) + 20)
        model = Model(notes, case.args["training"])
        mine = {"x": x.copy(order="K"), "y": y.copy()}
        args = {
            "model": model, "loss": Loss(notes, case.args.get("nan_label")), "optimizer": Optimizer(model), **mine,
            "epochs": case.args["epochs"], "batch_size": case.args["batch_size"], "rng": rng,
        }  # fmt: skip
        positional = [value for name, value in args.items() if name not in case.keywords]
        history = losses_of(answer(*positional, **{name: args[name] for name in case.keywords}))
        for name, value in mine.items():
            changed[name] = changed[name] or not np.array_equal(value, case.args[name])
        found |= {f"{name} {number}": value for name, value in told(history, notes, model).items()}
    return found | {f"{name} changed": np.array(value) for name, value in changed.items()}


def losses_of(result: object) -> np.ndarray:
    """The losses in what `fit` returned. Raises Misuse for anything but a list of numbers."""
    wanted = "expected a list with one mean loss for each epoch"
    if result is None:
        raise Misuse("none", f"it returned None; {wanted}. Is the return missing?")
    if not isinstance(result, (list, tuple)):
        raise Misuse("type", f"it returned {article(type(result).__name__)}; {wanted}")
    for one in result:
        known = isinstance(one, (int, float, np.generic, np.ndarray)) and np.asarray(one).dtype.kind in "iuf"
        if not known or np.ndim(one):
            kind = f"array of shape {one.shape}" if isinstance(one, np.ndarray) and one.ndim else type(one).__name__
            raise Misuse("type", f"the list it returned holds {article(kind)}; {wanted}")
    return np.array([float(one) for one in result])


def article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def told(history: np.ndarray, notes: Notes, model: Model) -> dict[str, np.ndarray]:
    def joined(arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int64), *arrays]).astype(np.int64)

    return {
        "history": history,
        "events": np.array([EVENTS.index(event) for event in notes.events], np.int64),
        "samples": notes.samples(),
        "sizes": np.array([len(one) for one in notes.batches], np.int64),
        "labels": joined(notes.labels),
        "label sizes": np.array([len(one) for one in notes.labels], np.int64),
        "losses": np.array(notes.losses, np.float64),
        "aligned": np.array(notes.aligned, bool),
        "training": np.array(notes.training, bool),
        "clean": np.array(notes.clean, bool),
        "weights": np.stack([*notes.weights, model._weight.ravel()]),
        "mode": np.array(model._training),
    }


EXERCISES = (
    Exercise(
        name="SGD",
        lab="lab09",
        points=2,
        kind="trace",
        asks="Gradient descent with momentum, in place.",
        hints=(
            "What has to be remembered from one step to the next? How many such arrays do you need, and when are they "
            "made?",
            "In __init__ make one array of zeros for each parameter, in a dict with the parameter's name, and keep "
            "model, lr and momentum. step() goes through model.params.items(): first the velocity of that name, then "
            "the parameter. Both change in place.",
            "In __init__: self.velocity = {name: np.zeros_like(p) for name, p in model.params.items()}. In step, for "
            "each name: v = self.velocity[name]; v *= momentum; v += the gradient; then p -= lr * v. "
            "`p = p - lr * v` would make a new array, and the layer would keep the old one.",
        ),
        inputs=sgd_inputs,
        small=sgd_small,
        returns={},
        drive=several_steps,
    ),
    Exercise(
        name="fit",
        lab="lab09",
        points=3,
        kind="property",
        asks="The training loop: every sample once an epoch, and the mean loss of each epoch.",
        hints=(
            "What happens once in all, what once an epoch, and what once a batch? Sort the calls before you write "
            "them: train, a new order, zero_grad, forward, loss, backward, step.",
            "Two loops. The outer one draws order = rng.permutation(len(x)) and starts a sum at 0. The inner one cuts "
            "the order into pieces; x[chosen] and y[chosen] are a batch. A batch's loss is a mean over len(chosen) "
            "samples, so it counts that many times.",
            "Inside: chosen = order[start : start + batch_size]; model.zero_grad(); logits = "
            "model.forward(x[chosen]); value, dlogits = loss(logits, y[chosen]); model.backward(dlogits); "
            "optimizer.step(); total += value * len(chosen). After the inner loop append total / len(x).",
        ),
        inputs=fit_inputs,
        small=fit_small,
        returns={"history": "array"},
        drive=several_fits,
    ),
    Exercise(
        name="kaiming_normal",
        lab="lab09",
        points=1,
        kind="property",
        asks="Random weights whose spread fits the number of inputs.",
        hints=(
            "How many numbers does one output add up: in a layer of shape (K, D), and for kernels (F, C, KH, KW)?",
            "fan_in is the product of all axes but the first. Draw standard normal numbers of that shape from rng, and "
            "multiply them by the standard deviation you want.",
            "fan_in = np.prod(shape[1:]), and the standard deviation is np.sqrt(2 / fan_in). "
            "rng.standard_normal(shape) gives numbers with standard deviation 1.",
        ),
        inputs=kaiming_inputs,
        small=kaiming_small,
        returns={"w": "array"},
        drive=many_draws,
    ),
)
