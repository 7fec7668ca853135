"""Lab 8's checks: the student notebooks' bugs are rejected and named, strangers rejected, messages say what to do."""

import copy
from pathlib import Path

import numpy as np
import pytest
from answers.lab08 import ConvByLoops, LinearByLoops

import labkit
from labkit import layers
from labkit.asked import exercise
from labkit.books.solutions import read_solutions
from labkit.references import reference

SOLUTIONS = read_solutions(Path(__file__).resolve().parent.parent / "solutions" / "lab08_layers.py").functions


def solved(name: str) -> type:
    namespace = {"np": np}
    exec(SOLUTIONS[name], namespace)
    return namespace[name]


Linear, Conv2d, Sequential = map(solved, ("Linear", "Conv2d", "Sequential"))


def like(right: type, **methods) -> type:
    return type(right.__name__, (right,), methods)


# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


class LinearThatOverwrites(Linear):
    def backward(self, dout):
        self.grads["weight"] = dout.T @ self.x
        if "bias" in self.grads:
            self.grads["bias"] = np.sum(dout, axis=0)
        return dout @ self.params["weight"]


class LinearWithOneDictForAll:
    params, grads = {}, {}

    def __init__(self, w, b=None):
        self.has_bias = b is not None
        self.params["weight"], self.grads["weight"] = w, np.zeros_like(w)
        if self.has_bias:
            self.params["bias"], self.grads["bias"] = b, np.zeros_like(b)

    def forward(self, x):
        self.x = x
        out = x @ self.params["weight"].T
        return out + self.params["bias"] if self.has_bias else out

    def backward(self, dout):
        self.grads["weight"] += dout.T @ self.x
        if self.has_bias:
            self.grads["bias"] += dout.sum(axis=0)
        return dout @ self.params["weight"]

    def zero_grad(self):
        for grad in self.grads.values():
            grad[...] = 0

    def train(self):
        pass

    def eval(self):
        pass


class Memory:
    x = None


class LinearWithADefaultMemory(Linear):
    def __init__(self, w, b=None, memory=Memory()):  # noqa: B008
        Linear.__init__(self, w, b)
        self.memory = memory

    def forward(self, x):
        self.memory.x = x
        return Linear.forward(self, x)

    def backward(self, dout):
        self.x = self.memory.x
        return Linear.backward(self, dout)


class LinearForOneBatchSize(Linear):
    def forward(self, x):
        if not hasattr(self, "out"):
            self.out = np.zeros((len(x), len(self.params["weight"])), x.dtype)
        self.out[:] = Linear.forward(self, x)
        return self.out.copy()


class FirstLayer(Linear):
    """No layer before it needs dx."""

    def backward(self, dout):
        Linear.backward(self, dout)


class ConvFirstLayer(Conv2d):
    def backward(self, dout):
        Conv2d.backward(self, dout)


class ConvThatLearns(Conv2d):
    def backward(self, dout):
        before = {name: grad.copy() for name, grad in self.grads.items()}
        dx = Conv2d.backward(self, dout)
        for name, param in self.params.items():
            param -= param.dtype.type(0.01) * (self.grads[name] - before[name])
        return dx


class ConvWithAnUnturnedKernel(Conv2d):
    """dx as if the kernel had been turned in forward."""

    def backward(self, dout):
        Conv2d.backward(self, dout)
        turned = Conv2d(self.params["weight"][:, :, ::-1, ::-1].copy(), None, self.stride, self.padding)
        p = self.padding
        turned.forward(self.padded[:, :, p : p + self.x_shape[2], p : p + self.x_shape[3]])
        return turned.backward(dout)


class SequentialForwardOnly(Sequential):
    def backward(self, dout):
        for layer in self.layers:
            dout = layer.backward(dout)
        return dout


class SequentialWithADefaultDict(Sequential):
    def __init__(self, layers, params={}, grads={}):  # noqa: B006
        self.layers, self.params, self.grads = layers, params, grads
        for index, layer in enumerate(layers):
            for name in layer.params:
                self.params[f"{index}.{name}"] = layer.params[name]
                self.grads[f"{index}.{name}"] = layer.grads[name]


class SequentialWithAClassList:
    layers = []

    def __init__(self, layers):
        for layer in layers:
            self.layers.append(layer)
        self.params = {f"{i}.{n}": p for i, one in enumerate(self.layers) for n, p in one.params.items()}
        self.grads = {f"{i}.{n}": g for i, one in enumerate(self.layers) for n, g in one.grads.items()}

    forward, backward = Sequential.forward, Sequential.backward
    zero_grad, train, eval = Sequential.zero_grad, Sequential.train, Sequential.eval


class ConvByPlaces(Conv2d):
    """Each place of the kernel writes its pixels and its weights over."""

    way = "dx", "dw"

    def backward(self, dout):
        w, p = self.params["weight"], self.padding
        (_, _, KH, KW), (_, _, OH, OW), (_, _, H, W) = w.shape, dout.shape, self.x_shape
        dpadded = np.zeros_like(self.padded)
        for i in range(KH):
            for j in range(KW):
                dw = np.einsum("nfhw,nchw->fc", dout, self.pixels(self.padded, i, j, OH, OW))
                part = np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
                if "dw" in self.way:
                    self.grads["weight"][:, :, i, j] = dw
                else:
                    self.grads["weight"][:, :, i, j] += dw
                if "dx" in self.way:
                    self.pixels(dpadded, i, j, OH, OW)[...] = part
                else:
                    self.pixels(dpadded, i, j, OH, OW)[...] += part
        if "bias" in self.grads:
            self.grads["bias"] += dout.sum(axis=(0, 2, 3))
        return dpadded[:, :, p : p + H, p : p + W]


class ConvWithItsStateOnTheClass(Conv2d):
    def forward(self, x):
        out = Conv2d.forward(self, x)
        ConvWithItsStateOnTheClass.kept = self.padded, self.x_shape
        return out

    def backward(self, dout):
        self.padded, self.x_shape = ConvWithItsStateOnTheClass.kept
        return Conv2d.backward(self, dout)


class ConvWithPaddedOnTheClass(Conv2d):
    def forward(self, x):
        out = Conv2d.forward(self, x)
        ConvWithPaddedOnTheClass.kept = self.padded
        return out

    def backward(self, dout):
        self.padded = ConvWithPaddedOnTheClass.kept
        return Conv2d.backward(self, dout)


class LinearWithItsInputOnTheClass(Linear):
    def forward(self, x):
        LinearWithItsInputOnTheClass.x = x
        out = x @ self.params["weight"].T
        return out + self.params["bias"] if "bias" in self.params else out


class LinearWithTransposedCopy(Linear):
    def __init__(self, w, b=None):
        Linear.__init__(self, w, b)
        self.wt = w.T.copy()

    def forward(self, x):
        self.x = x
        return x @ self.wt + self.params.get("bias", 0)


class LinearWithACopyOfTheBias(Linear):
    def __init__(self, w, b=None):
        Linear.__init__(self, w, b)
        self.b = 0 if b is None else b.copy()

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"].T + self.b


def forgets_in_evaluation(right, forget):
    """What `forward` kept is gone, or is that of the call before, when it ran after eval()."""

    def forward(self, x):
        before = dict(self.__dict__)
        out = right.forward(self, x)
        if not before.get("training", True):
            forget(self, before)
        return out

    return like(right, forward=forward)


def restored(self, before):
    self.__dict__.update(before)


def deleted(self, before):
    self.__dict__.pop("x", None)
    self.__dict__.pop("padded", None)


def bad_result(name, change):
    def bend(right):
        return like(right, **{name: lambda self, array: change(getattr(right, name)(self, array), array)})

    return bend


def bias_if(right, asked):
    def init(self, w, b=None, *rest, **more):
        right.__init__(self, w, b if asked(b) else None, *rest, **more)

    return like(right, __init__=init)


def learned_if_any(right):
    def backward(self, dout):
        before = {name: grad.copy() for name, grad in self.grads.items()}
        dx = right.backward(self, dout)
        if "bias" in self.params and not self.params["bias"].any():
            self.grads["bias"][...] = before["bias"]
        return dx

    return like(right, backward=backward)


def clears_first(right, name):
    def method(self, array):
        self.zero_grad()
        return getattr(right, name)(self, array)

    return like(right, **{name: method})


def mode_noted(self):
    self.training = False


def rewritten(name, *changes):
    """The model answer with lines of it written otherwise."""
    source = SOLUTIONS[name]
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    namespace = {"np": np}
    exec(source, namespace)
    return namespace[name]


BIAS_KEPT = '            self.params["bias"] = b\n'
NO_BIAS = "        if b is not None:\n"
MODE_KEPT = "        self.layers = layers\n"
EACH_ZEROED = "        for layer in self.layers:\n            layer.zero_grad()\n"
GRADS_ZEROED = "        for grad in self.grads.values():\n            grad[...] = 0\n"
BACKWARD = "    def backward(self, dout):\n"
REWRITTEN = [
    ("Linear", "shared_by_all", "b", [(BIAS_KEPT, BIAS_KEPT + "            Linear.b = b\n"),
        ('out + self.params["bias"]', "out + self.b")]),
    ("Linear", "shared_by_all", "has_bias", [(NO_BIAS, "        Linear.has_bias = b is not None\n" + NO_BIAS),
        ('if "bias" in self.params', "if self.has_bias"), ('if "bias" in self.grads', "if self.has_bias")]),
    ("Linear", "shared_by_all", "global", [(NO_BIAS, "        global bias\n        bias = b\n" + NO_BIAS),
        ('if "bias" in self.params', "if bias is not None"), ('out + self.params["bias"]', "out + bias"),
        ('if "bias" in self.grads', "if bias is not None")]),
    ("Conv2d", "shared_by_all", "b", [(BIAS_KEPT, BIAS_KEPT + "            Conv2d.b = b\n"),
        ('out += self.params["bias"]', "out += self.b")]),
    ("Conv2d", "shared_by_all", "stride, padding", [
        ("self.stride, self.padding = s", "Conv2d.stride, Conv2d.padding = s")]),
    ("Conv2d", "shared_by_all", "stride", [("self.stride, self.padding = s", "Conv2d.stride, self.padding = s")]),
    ("Conv2d", "shared_by_all", "padding", [("self.stride, self.padding = s", "self.stride, Conv2d.padding = s")]),
    ("Conv2d", "shared_by_all", "x_shape", [("self.x_shape = x.shape", "Conv2d.x_shape = x.shape")]),
    ("Conv2d", "shared_by_all", "OH, OW", [
        ("        self.x_shape =", "        Conv2d.size = OH, OW\n        self.x_shape ="),
        ("_, _, OH, OW = dout.shape", "OH, OW = self.size")]),
    ("Conv2d", "shared_by_all", "w_shape", [("F, _, KH, KW = w.shape", "F, _, KH, KW = Conv2d.w_shape = w.shape"),
        ("_, _, KH, KW = w.shape\n        _", "_, _, KH, KW = self.w_shape\n        _")]),
    ("Linear", "gradients_kept_apart", "dw", [(NO_BIAS, "        self.dw = np.zeros_like(w)\n" + NO_BIAS),
        ('self.grads["weight"] += dout.T @ self.x', 'self.dw += dout.T @ self.x; self.grads["weight"][...] = self.dw'),
        ("        for name in self.grads:", "        self.dw[...] = 0\n        for name in self.grads:")]),
    ("Linear", "zeroed_by_multiplication", "*= 0", [("self.grads[name][...] = 0", "self.grads[name] *= 0")]),
    ("Linear", "zeroed_by_multiplication", "-=", [
        ("self.grads[name][...] = 0", "self.grads[name] -= self.grads[name]")]),
    ("Linear", "params_are_sometimes_copies", "contiguous", [
        (NO_BIAS, "        self.w = np.ascontiguousarray(w)\n" + NO_BIAS),
        ('x @ self.params["weight"].T', "x @ self.w.T"), ('dout @ self.params["weight"]', "dout @ self.w")]),
    ("Conv2d", "params_are_sometimes_copies", "rows", [
        (NO_BIAS, "        self.rows = w.reshape(len(w), -1)\n" + NO_BIAS),
        ('w, p = self.params["weight"]', 'w, p = self.rows.reshape(self.params["weight"].shape)')]),
    ("Conv2d", "sizes_kept", "N", [("        self.x_shape =", "        H, W = self.__dict__.setdefault(N, (H, W))\n"
        "        self.x_shape =")]),
    ("Conv2d", "sizes_kept", "N and H", [("        self.x_shape =",
        "        W = self.__dict__.setdefault((N, H), W)\n        self.x_shape =")]),
    ("Linear", "result_reused", "out", [("        return out\n", "        self.out = getattr(self, 'out', {})\n"
        "        kept = self.out.setdefault(out.shape, np.empty_like(out))\n"
        "        kept[...] = out\n        return kept\n")]),
    ("Linear", "cleared_by_mode", "eval", [("self.training = False", "self.zero_grad()")]),
    ("Sequential", "mode_changed", "backward", [(BACKWARD, BACKWARD + "        self.train()\n")]),
    ("Sequential", "mode_changed", "zero_grad", [(EACH_ZEROED, EACH_ZEROED + "        self.train()\n")]),
    ("Sequential", "mode_changed", "zero_grad, eval", [(EACH_ZEROED, EACH_ZEROED + "        self.eval()\n")]),
    ("Sequential", "mode_changed", "forward", [("forward(self, x):\n", "forward(self, x):\n        self.train()\n")]),
    ("Sequential", "forward_too_often", "again", [("forward(self, x):\n", "forward(self, x):\n        self.x = x\n"),
        (BACKWARD, BACKWARD + "        self.forward(self.x)\n")]),
    ("Sequential", "mode_believed_known", "flag", [(MODE_KEPT, MODE_KEPT + "        self.mode = 1\n"),
        ("def train(self):\n", "def train(self):\n        if self.mode:\n            return\n        self.mode = 1\n"),
        ("def eval(self):\n",
            "def eval(self):\n        if not self.mode:\n            return\n        self.mode = 0\n")]),
    ("Sequential", "layers_changed_when_put_in", "both", [(MODE_KEPT, MODE_KEPT + "        self.zero_grad()\n"
        "        self.train()\n")]),
    ("Sequential", "names_guessed", "plain layers", [("in layer.params:\n",
        "in (layer.params if isinstance(layer, Sequential) else ('weight', 'bias')):\n"
        "                if name not in layer.params:\n                    continue\n")]),
    ("Sequential", "zero_grad_by_arrays", "filled", [(EACH_ZEROED, GRADS_ZEROED)]),
    ("Sequential", "zero_grad_by_new_arrays", "copies", [(EACH_ZEROED, EACH_ZEROED
        + "        self.grads = {name: grad.copy() for name, grad in self.grads.items()}\n")]),
    ("Sequential", "sorted_as_text", "dict", [("        self.layers = layers\n",
        "        named = {str(i): one for i, one in enumerate(layers)}\n"
        "        self.layers = [named[name] for name in sorted(named)]\n")]),
    ("Sequential", "dout_to_all", "dx not handed on", [("dout = layer.backward(dout)", "layer.backward(dout)")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mistake", "changes"), [(n, m, c) for n, m, _, c in REWRITTEN],
                         ids=[f"{n}-{m}-{how}" for n, m, how, _ in REWRITTEN])  # fmt: skip
def test_bugs_that_passed_once_are_named(name, mistake, changes):
    report = labkit.examine(name, rewritten(name, *changes))
    assert not report.passed
    assert report.mistake == mistake, str(report)


NAMED = [
    ("Linear", LinearThatOverwrites, "gradients_overwritten"),
    ("Linear", LinearWithOneDictForAll, "shared_by_all"),
    ("Linear", LinearWithADefaultMemory, "shared_by_all"),
    ("Linear", LinearForOneBatchSize, "batch_size_kept"),
    ("Linear", FirstLayer, "no_dx"),
    ("Linear", LinearWithItsInputOnTheClass, "shared_by_all"),
    ("Linear", LinearWithTransposedCopy, "params_are_copies"),
    ("Linear", LinearWithACopyOfTheBias, "params_are_copies"),
    ("Conv2d", like(ConvByPlaces, way=("dx",)), "overlap_overwritten"),
    ("Conv2d", like(ConvByPlaces, way=("dw",)), "gradients_overwritten"),
    ("Conv2d", ConvWithItsStateOnTheClass, "shared_by_all"),
    ("Conv2d", ConvWithPaddedOnTheClass, "shared_by_all"),
    *[
        (right.__name__, wrong(right), mistake)
        for right in (Linear, Conv2d)
        for wrong, mistake in (
            (lambda right: bias_if(right, lambda b: np.any(b)), "bias_of_zeros_dropped"),
            (lambda right: bias_if(right, lambda b: b is not None and b.any()), "bias_of_zeros_dropped"),
            (learned_if_any, "bias_of_zeros_dropped"),
            (lambda right: bias_if(right, lambda b: b), "bias_asked_for_truth"),
            (lambda right: forgets_in_evaluation(right, restored), "nothing_kept_in_evaluation"),
            (lambda right: forgets_in_evaluation(right, deleted), "nothing_kept_in_evaluation"),
            (lambda right: clears_first(right, "forward"), "cleared_in_forward"),
            (lambda right: clears_first(right, "backward"), "gradients_overwritten"),
            (lambda right: bad_result("backward", lambda dx, dout: dx.astype(np.float64))(right), "precision"),
            (lambda right: bad_result("forward", lambda out, x: out.astype(np.float64))(right), "precision"),
        )
    ],
    ("Conv2d", ConvFirstLayer, "no_dx"),
    ("Conv2d", ConvThatLearns, "backward_learns"),
    ("Conv2d", ConvWithAnUnturnedKernel, "kernel_not_turned_in_dx"),
    ("Sequential", SequentialForwardOnly, "backward_in_forward_order"),
    ("Sequential", SequentialWithADefaultDict, "shared_by_all"),
    ("Sequential", SequentialWithAClassList, "shared_by_all"),
    ("Sequential", like(Sequential, eval=mode_noted), "mode_not_passed_on"),
    ("Sequential", like(Sequential, zero_grad=lambda self: self.grads.clear()), "zero_grad_not_passed_on"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), NAMED, ids=[f"{a.__name__}-{m}" for _, a, m in NAMED])
def test_bugs_of_the_student_notebooks_are_named(name, answer, mistake):
    report = labkit.examine(name, answer, 1)
    assert not report.passed
    assert report.mistake == mistake, str(report)


def test_ordinary_use_would_have_hidden_them():
    """The reason for the cases: one layer, one pass, one batch, and these wrong answers are right."""
    rng = np.random.default_rng(0)
    w, b, x, dout = (rng.standard_normal(size) for size in ((2, 3), 2, (4, 3), (4, 2)))
    right = Linear(w, b)
    out, dx = right.forward(x), right.backward(dout)
    for wrong in (LinearThatOverwrites, LinearWithOneDictForAll, LinearWithADefaultMemory, LinearForOneBatchSize):
        layer = wrong(w, b)
        np.testing.assert_array_equal(layer.forward(x), out)
        np.testing.assert_array_equal(layer.backward(dout), dx)
        for name, grad in right.grads.items():
            np.testing.assert_array_equal(layer.grads[name], grad)


# Wrong answers like none known ------------------------------------------------------------------------


def after(name, change):
    """`change(self)` after each call of a method."""

    def bend(right):
        def method(self, *args):
            result = getattr(right, name)(self, *args)
            change(self)
            return result

        return like(right, **{name: method})

    return bend


def nth_call(name, which, change):
    """Right but for the call of this number."""

    def bend(right):
        def method(self, *args):
            self.calls = getattr(self, "calls", 0) + 1
            result = getattr(right, name)(self, *args)
            return change(result) if self.calls == which else result

        return like(right, **{name: method})

    return bend


def forget_x(self):
    self.x = self.x_shape = self.padded = None


def clear(self):
    for grad in self.grads.values():
        grad[...] = 0


def copied_dicts(self):
    self.grads = {name: grad.copy() for name, grad in self.grads.items()}


LAYER_STRANGERS = {
    "train clears the gradients": after("train", clear),
    "eval clears the gradients": after("eval", clear),
    "zero_grad forgets the input": after("zero_grad", forget_x),
    "zero_grad sets the weights to 0, too": after("zero_grad", lambda self: self.params["weight"].fill(0)),
    "zero_grad to nearly nothing": after("zero_grad", lambda self: [g.fill(1e-3) for g in self.grads.values()]),
    "zero_grad copies": after("zero_grad", copied_dicts),
    "forward copies the dict": after("forward", copied_dicts),
    "backward leaves dx in grads": after("backward", lambda self: self.grads.update(x=np.zeros(2))),
    "forward rounds": bad_result("forward", lambda out, x: out.round(6)),
    "forward without negative numbers": bad_result("forward", lambda out, x: np.maximum(out, 0)),
    "dx without negative numbers": bad_result("backward", lambda dx, dout: np.abs(dx)),
    "dx of one sample": bad_result("backward", lambda dx, dout: dx[:1]),
    "dx as a list": bad_result("backward", lambda dx, dout: dx.tolist()),
    "dx in a tuple": bad_result("backward", lambda dx, dout: (dx,)),
    "out as float64": bad_result("forward", lambda out, x: out.astype(np.float64)),
    "dx as float16": bad_result("backward", lambda dx, dout: dx.astype(np.float16)),
    "x is overwritten": bad_result("forward", lambda out, x: (out, x.fill(0))[0]),
    "dout is overwritten": bad_result("backward", lambda dx, dout: (dx, dout.fill(0))[0]),
    "noise": bad_result("forward", lambda out, x: out + 1e-4 * np.random.standard_normal(out.shape).astype(out.dtype)),
    "the second output is of the first": nth_call("forward", 2, lambda out: out[::-1] if len(out) > 1 else 0 * out),
    "the second dx is 0": nth_call("backward", 2, lambda dx: 0 * dx),
    "the first dx is 0": nth_call("backward", 1, lambda dx: 0 * dx),
}


def only_square(right):
    """Right where images are square, else turned."""

    def forward(self, x):
        out = right.forward(self, x)
        return out if x.shape[-1] == x.shape[-2] else out[..., ::-1]

    return like(right, forward=forward)


STRANGERS = [
    *[("Linear", bend(Linear), name) for name, bend in LAYER_STRANGERS.items()],
    *[("Conv2d", bend(Conv2d), name) for name, bend in LAYER_STRANGERS.items()],
    ("Conv2d", only_square(Conv2d), "square images only"),
    ("Conv2d", like(Conv2d, __init__=lambda self, w, b=None, stride=2, padding=0: (
        Conv2d.__init__(self, w, b, stride, padding))), "another default"),
    ("Conv2d", like(Conv2d, __init__=lambda self, w, b, stride=1, padding=0: (
        Conv2d.__init__(self, w, b, stride, padding))), "a bias that must come"),
    ("Conv2d", like(Conv2d, __init__=lambda self, w, bias=None, stride=1, padding=0: (
        Conv2d.__init__(self, w, bias, stride, padding))), "another name"),
    ("Linear", like(Linear, __init__=lambda self, w, b=None: Linear.__init__(self, w.astype(np.float64), b)), "wide"),
    ("Linear", like(Linear, __init__=lambda self, w, b=None: Linear.__init__(
        self, np.ascontiguousarray(w, np.float32), b)), "narrow"),
    ("Linear", like(Linear, params=property(lambda self: dict(self.own), lambda self, value: setattr(
        self, "own", {name: array + 0 for name, array in value.items()}))), "filled too late"),
    ("Sequential", like(Sequential, __init__=lambda self, layers: Sequential.__init__(
        self, copy.deepcopy(layers))), "layers of its own"),
    ("Sequential", like(Sequential, backward=lambda self, dout: Sequential.backward(self, dout.copy()) + 0 * 1e-3
        if len(self.layers) != 3 else Sequential.backward(self, dout[::-1])), "three layers"),
    ("Sequential", like(Sequential, forward=lambda self, x: Sequential.forward(self, x[:2])), "two rows"),
    ("Sequential", after("train", clear)(Sequential), "train clears the gradients"),
    ("Sequential", like(Sequential, train=lambda self: [one.train() for one in self.layers[1:]]), "not the first"),
    ("Sequential", like(Sequential, eval=lambda self: [one.eval() for one in self.layers[:-1]]), "not the last"),
    ("Sequential", like(Sequential, zero_grad=lambda self: [
        one.zero_grad() for one in self.layers[:-1]]), "zero_grad not of the last"),
    ("Sequential", like(Sequential, forward=lambda self, x: Sequential.forward(self, x.astype(np.float64))), "wide"),
    ("Sequential", like(Sequential, forward=lambda self, x: (
        Sequential.forward(self, x) if self.layers else 0 * x)), "zeros of an empty network"),
    ("Sequential", like(Sequential, backward=lambda self, dout: Sequential.backward(self, dout)
        if self.layers else None), "empty"),
    ("Sequential", lambda layers: layers[0], "the first layer"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [one[:2] for one in STRANGERS], ids=[f"{n}-{i}" for n, _, i in STRANGERS])
def test_wrong_answers_unlike_any_known_mistake_are_rejected(name, answer):
    report = labkit.examine(name, answer)
    assert not report.passed and report.score == 0


# Right answers in odd forms ---------------------------------------------------------------------------


class OnceOnly(Linear):
    """Forgets the input when it was used: a second backward for one forward would fail, and nobody asks for it."""

    def backward(self, dout):
        dx = Linear.backward(self, dout)
        del self.x
        return dx


ODD = [
    ("Linear", OnceOnly),
    ("Linear", like(Linear, forward=lambda self, x: np.asfortranarray(Linear.forward(self, x)))),
    ("Linear", lambda w, b=None, rng=None, dtype=None: Linear(w, b)),
    ("Linear", like(Linear, __init__=lambda self, w, b=None: Linear.__init__(self, w.copy(), b))),
    ("Conv2d", like(Conv2d, forward=lambda self, x: Conv2d.forward(self, x)[::1])),
    ("Conv2d", lambda w, b=None, stride=1, padding=0, dilation=1: ConvByLoops(w, b, stride, padding)),
    ("Sequential", like(Sequential, __init__=lambda self, layers: Sequential.__init__(self, list(layers)))),
    ("Sequential", layers.Sequential),
]


@pytest.mark.parametrize(("name", "answer"), ODD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(ODD)])
def test_right_answers_in_odd_forms_pass(name, answer):
    for seed in (0, 3):
        report = labkit.examine(name, answer, seed)
        assert report.passed, str(report)


# Messages ---------------------------------------------------------------------------------------------


class NoEval:
    def __init__(self, w, b=None):
        self.params, self.grads = {"weight": w}, {"weight": np.zeros_like(w)}
        if b is not None:
            self.params["bias"], self.grads["bias"] = b, np.zeros_like(b)

    forward, backward, zero_grad, train = Linear.forward, Linear.backward, Linear.zero_grad, Linear.train


class ParamsAsAMethod(LinearByLoops):
    params = lambda self: {"weight": self.w}  # noqa: E731


class ParamsAsAList(LinearByLoops):
    params = property(lambda self: [self.w])


class WithoutGrads(NoEval):
    def __init__(self, w, b=None):
        self.params = {"weight": w}


class HalfDone(Linear):
    def backward(self, dout):
        raise NotImplementedError("Lab 8: Linear")


class GradsAsFloats(Linear):
    def __init__(self, w, b=None):
        Linear.__init__(self, w, b)
        self.grads = dict.fromkeys(self.grads, 0.0)


TOLD = [
    (NoEval, "the object that was made has no eval"),
    (ParamsAsAMethod, "params is a method; expected a dict: fill it in __init__, or write @property above it"),
    (ParamsAsAList, "params is a list; expected a dict"),
    (WithoutGrads, "the object that was made has no grads"),
    (GradsAsFloats, 'at first: grads["weight"] is a float (0.0); expected a NumPy array'),
    (lambda w, b=None: None, "the object that was made has no params"),
    (FirstLayer, "call 2, backward(dout): dx is None; expected a NumPy array. Is the return missing?"),
    (lambda weights, bias=None: Linear(weights, bias), "unexpected keyword argument"),
    (LinearThatOverwrites, "calls='forward(x); backward(dout)"),
    (like(Linear, forward=lambda self, x: x @ self.params["weight"].T), "out[0, 0] should be 1·3 + 2·4 + 10 = 21"),
    (like(Linear, zero_grad=lambda self: None), 'call 3, zero_grad(): grads["weight"][0, 0] should be 0'),
]


@pytest.mark.parametrize(("answer", "words"), TOLD, ids=[words[:40] for _, words in TOLD])
def test_messages_say_what_happened(answer, words):
    report = labkit.examine("Linear", answer)
    assert not report.passed
    assert words in str(report)


def test_a_half_written_class_is_not_yet():
    assert labkit.examine("Linear", HalfDone).not_yet


def test_terms_are_right_for_convolutions_too():
    wrong = like(Conv2d, forward=lambda self, x: Conv2d.forward(self, x) + 1)
    assert "out[0, 0, 0, 0] should be 1·2 + 3·(-1) + 10 = 9" in str(labkit.examine("Conv2d", wrong))
    border = exercise("Conv2d").small()["padding"]
    terms = reference(exercise("Conv2d")).terms("call 1, forward(x): out", (0, 0, 0, 0), **border.args)
    assert terms == "0 + 10"

    def backward(self, dout):
        dx = Conv2d.backward(self, dout)
        self.grads["weight"] *= 2
        return dx

    assert 'grads["weight"][0, 0, 0, 0] should be 1·1 + 2·3 = 7' in str(
        labkit.examine("Conv2d", like(Conv2d, backward=backward))
    )


def test_every_case_says_what_it_catches():
    for name in ("Linear", "Conv2d", "Sequential"):
        assert all(case.catches for case in exercise(name).inputs(np.random.default_rng(0)).values())
