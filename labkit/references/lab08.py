"""Lab 8, layers: what is true, by torch, and the known ways to be wrong.

A mistake is a class that differs from a right one in one place: `bent` makes it.
"""

import functools
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from labkit.asked.lab08 import HALVED, OVERFLOW, STEP
from labkit.checks.comparing import number
from labkit.references.reference import Mistake, Reference
from labkit.references.shared import factor


def bent(right: type, **methods) -> type:
    """A class like `right`, with these methods in place of its own."""
    return type("Bent", (right,), methods)


# A right layer, by torch --------------------------------------------------------------------------


class Layer:
    """What Linear and Conv2d share. `operation` and `gradients` are torch's; the rest is the protocol."""

    def __init__(self, w, b=None, stride=1, padding=0):
        self.stride, self.padding = stride, padding
        self.x = None
        self.own(w, b)

    def own(self, w, b):
        self.params = {"weight": w} | ({} if b is None else {"bias": b})
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}

    def run(self, x, w, b):
        raise TypeError("Linear or Conv2d says what is run")

    def arrays(self):
        """The weight and the bias, or None, as they are now."""
        return self.params["weight"], self.params.get("bias")

    def operation(self, x):
        return self.run(*(None if one is None else torch.tensor(one) for one in (x, *self.arrays()))).numpy()

    def gradients(self, dout, x):
        """dx, and the parameters' gradients by name."""
        inputs = {"x": x} | dict(zip(("weight", "bias"), self.arrays()))
        tensors = {name: torch.tensor(a, requires_grad=True) for name, a in inputs.items() if a is not None}
        out = self.run(tensors["x"], tensors["weight"], tensors.get("bias"))
        found = torch.autograd.grad(out, list(tensors.values()), torch.tensor(dout))
        found = {name: grad.numpy() for name, grad in zip(tensors, found)}
        return found.pop("x"), found

    def keep(self, x):
        self.x = x

    def kept(self):
        return self.x

    def forward(self, x):
        self.keep(x)
        return self.operation(x)

    def backward(self, dout):
        dx, found = self.gradients(dout, self.kept())
        self.add(found)
        return dx

    def add(self, found):
        for name, grad in self.grads.items():
            grad += found[name]

    def zero_grad(self):
        for grad in self.grads.values():
            np.copyto(grad, 0)

    def train(self):
        self.evaluates = False

    def eval(self):
        self.evaluates = True


class Linear(Layer):
    def __init__(self, w, b=None):
        super().__init__(w, b)

    def run(self, x, w, b):
        return F.linear(x, w, b)


class Conv2d(Layer):
    def run(self, x, w, b):
        return F.conv2d(x, w, b, self.stride, self.padding)


class _FastLinear(Linear):
    """The same in NumPy, to make mistakes of: there are many, and torch takes its time with arrays this small."""

    def operation(self, x):
        w, b = self.arrays()
        out = np.einsum("nd,kd->nk", x, w)
        return out if b is None else out + b

    def gradients(self, dout, x):
        w = self.arrays()[0]
        found = {"weight": np.einsum("nk,nd->kd", dout, x), "bias": np.einsum("nk->k", dout)}
        return np.einsum("nk,kd->nd", dout, w), found


class _FastConv2d(Conv2d):
    """The same without autograd: torch's own backward of a convolution, called directly."""

    def gradients(self, dout, x):
        if dout.shape != self.operation(x).shape:  # torch does not look
            raise ValueError("dout does not fit x")
        dx, dw, db = convolution_gradients(dout, x, self.arrays()[0], self.stride, self.padding)
        return dx, {"weight": dw, "bias": db}


def convolution_gradients(dout, x, w, stride, padding):
    """dx, dw, db by torch."""
    tensors = (torch.tensor(np.ascontiguousarray(one)) for one in (dout, x, w))
    found = torch.ops.aten.convolution_backward(
        *tensors, [len(w)], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [True, True, True]
    )
    return tuple(one.numpy() for one in found)


# Mistakes of the protocol, for both ---------------------------------------------------------------

OVERWRITTEN = (
    "backward replaces the gradients, where it must add to them. Two halves of a batch need the sum. "
    'Write self.grads["weight"] += …: only zero_grad sets them back to 0.'
)
CLEARED_IN_FORWARD = "forward sets the gradients back. They add up until somebody calls zero_grad."
REBOUND = (
    "You put a new array into grads. Whoever took the old one, as an optimizer does, waits for gradients that never "
    "come. Change the array that is there: += adds to it in place; a = a + b makes a new one."
)
NOT_CLEARED = "zero_grad leaves gradients as they were. Every array in grads has to be filled with 0."
CLEARED_BY_NEW = (
    "zero_grad puts new arrays into grads. Fill those that are there: grad[...] = 0, so that whoever holds them "
    "sees it."
)
COPIED = (
    "The layer works with other arrays than those in params. An optimizer changes params, and the layer does not see "
    'it. Use self.params["weight"] in forward and in backward, or keep the same array under both names.'
)
SHARED = (
    "All objects of your class share one thing: a dict, an array, an input or a number. A name set on the class "
    "(Counter.x = …), a global name and a parameter's default exist only once, for all objects. Write self.… = …"
)
APART = (
    "You keep the sum of the gradients apart, and write it over what is in grads. Others may write into grads, too: "
    "read and add to the numbers that are there, with +=."
)
MULTIPLIED = (
    "inf · 0 and inf − inf are not 0 but NaN. A gradient that overflowed would stay for ever. Fill the array: "
    "grad[...] = 0."
)
SOMETIMES_COPIED = (
    "Your layer works with a view of the array in params where its order in memory allows that, and with a copy where "
    "not: reshape and np.ascontiguousarray decide it. Take the array from params at each call."
)
REUSED = (
    "An array that you returned changed later: you write into it again. Whoever keeps it then has other numbers. "
    "Return a new array each time."
)
CLEARED_BY_MODE = "train or eval sets the gradients back. They add up until somebody calls zero_grad."
HARD_WIRED = (
    "Your layer keeps the number of samples of its first batch. The last batch of an epoch is smaller, and a test has "
    "another size: take the sizes from the x of each call."
)
NO_DX = "backward returns None. Every layer returns dx, the first of a network too: it cannot know where it stands."
FIRST_INPUT = "You keep the first input for ever. backward needs the input of the last forward."
KEPT_OUTPUT = "You kept the output in place of the input. The weight's gradient is made of dout and x."
EVALUATION = (
    "After eval(), forward does not keep its input. train and eval change nothing here: backward may follow in both."
)
BIAS_DROPPED = "Ask b is not None: a bias of zeros is a bias. It is there to be learned."
BIAS_TRUTH = "An array is neither true nor false, nor equal to None as a whole. Ask b is not None."
BIAS_KEY = (
    'There is a "bias" in params or grads although b is None. Where there is no bias there is no key: an optimizer '
    "goes through all the keys it finds."
)
NO_BIAS_KEY = 'There is a bias, and params or grads has no key "bias" for it.'
BIAS_SHAPE = (
    "The gradient of the bias has another shape than the bias, and cannot be added to the array in grads. Add dout up "
    "until one number for each bias is left; keepdims is not wanted here."
)
BIAS_ONE_SUM = "You added up all of dout for the bias. Each bias gets the sum of its own part of dout only."
BIAS_UNTOUCHED = "The bias gets no gradient. It is added to every output, so its gradient is a sum of dout."
MEAN = "You took a mean over the batch. The sum is wanted: the 1/N of the loss is in dout already."
GRADS_ARE_PARAMS = (
    "params and grads hold the same arrays: what backward adds to a gradient is added to a weight. A copy of a dict "
    "holds the same arrays as the dict: make new ones, with np.zeros_like."
)
LEARNS = "backward changes the weights. That is the optimizer's task: backward leaves params alone."
GRADS_LATE = (
    "grads is empty at first. An optimizer may take the arrays before the first backward: make one of zeros for each "
    "parameter in __init__."
)
BIAS_LEFT_OUT = "You left the bias out of the output."
OTHER_NAMES = 'The names in params and grads are "weight" and "bias", as in torch.'
PRECISION = (
    "The dtype changed. The gradients and results of float32 arrays are float32: np.zeros(shape) makes float64, "
    "np.zeros_like(w) keeps the dtype of w."
)


def replaced(self, found):
    """self.grads["weight"] = dw"""
    self.grads.update({name: found[name] for name in self.grads})


def made_late(self, found):
    """if "weight" not in self.grads: self.grads["weight"] = np.zeros_like(…)"""
    for name, param in self.params.items():
        self.grads.setdefault(name, np.zeros_like(param))
        self.grads[name] += found[name]


def made_each_time(self, found):
    """self.grads["weight"] = dw, and nothing before."""
    self.grads.update({name: found[name] for name in self.params})


def written_over(self, found):
    """self.grads["weight"][...] = dw"""
    for name, grad in self.grads.items():
        grad[...] = found[name]


def added_anew(self, found):
    """self.grads["weight"] = self.grads["weight"] + dw"""
    self.grads.update({name: grad + found[name] for name, grad in self.grads.items()})


def only(name, add, other):
    """`add` for the array of this name, `other` for the rest."""

    def both(self, found):
        every = self.grads
        for keep, how in (({name} & every.keys(), add), (every.keys() - {name}, other)):
            self.grads = {one: every[one] for one in keep}
            how(self, found)
            every = every | self.grads
        self.grads = every

    return both


def in_own_dict(right):
    """self.grads = {"weight": …}: a new dict at each backward."""

    def add(self, found):
        self.grads = {name: found[name] for name in self.grads}

    return bent(right, add=add)


def cleared_before(right, name):
    """A method that sets the gradients back before it does its own work."""

    def method(self, array):
        self.zero_grad()
        return getattr(right, name)(self, array)

    return bent(right, **{name: method})


def zeroed_anew(self):
    self.grads.update({name: np.zeros_like(grad) for name, grad in self.grads.items()})


def zeroed_in_new_dict(self):
    self.grads = {name: np.zeros_like(grad) for name, grad in self.grads.items()}


def zeroed_only(*names):
    def zero_grad(self):
        for name in self.grads.keys() & set(names):
            self.grads[name][...] = 0

    return zero_grad


def owning(change):
    """`own`, and then `change(self)`."""

    def own(self, w, b):
        Layer.own(self, w, b)
        change(self)

    return own


def bias_kept_if(right, asked):
    """`if np.any(b): self.params["bias"] = b`"""
    return bent(right, own=lambda self, w, b: Layer.own(self, w, b if asked(b) else None))


def bias_learned_if_not_zero(self, found):
    """`if self.params["bias"].any():` in backward only."""
    for name, grad in self.grads.items():
        if name != "bias" or self.params["bias"].any():
            grad += found[name]


def bias_used_if_not_zero_at_first(right):
    """`self.has_bias = np.any(b)`, asked in forward and backward."""

    def change(self):
        self.zeros = {"bias"} & {name for name, array in self.params.items() if not array.any()}

    def operation(self, x):
        return on_arrays(self, {name: np.zeros_like(self.params[name]) for name in self.zeros}, right.operation, x)

    def add(self, found):
        for name in self.grads.keys() - self.zeros:
            self.grads[name] += found[name]

    return bent(right, own=owning(change), operation=operation, add=add)


def on_arrays(self, arrays, method, *args):
    """`method` with these arrays in place of those in params."""
    kept, self.params = self.params, self.params | arrays
    try:
        return method(self, *args)
    finally:
        self.params = kept


def works_on_copies(*names):
    """The arrays of these names are copies for the layer's own use."""

    def own(self, w, b):
        Layer.own(self, w, b)
        self.mine = {name: array.copy() for name, array in self.params.items() if name in names}

    def arrays(self):
        return tuple((self.params | self.mine).get(name) for name in ("weight", "bias"))

    return {"own": own, "arrays": arrays}


def copies_in(right, method, *names):
    """Copies of these arrays, made once and used in one of `operation` and `gradients` only."""

    def change(self):
        self.mine = {name: array.copy() for name, array in self.params.items() if name in names}

    def on_copies(self, *args):
        return on_arrays(self, self.mine, getattr(right, method), *args)

    return bent(right, own=owning(change), **{method: on_copies})


def copies_at_each_look(right):
    """params as a property that gives copies."""

    def own(self, w, b):
        self.w, self.b = w, b
        self.grads = {"weight": np.zeros_like(w)} | ({} if b is None else {"bias": np.zeros_like(b)})

    def params(self):
        return {name: array.copy() for name, array in (("weight", self.w), ("bias", self.b)) if array is not None}

    return bent(right, own=own, params=property(params), arrays=lambda self: (self.w, self.b))


def shared(right, *what):
    """One dict for all objects: a class attribute, or a mutable default. A bias of another layer stays in it."""
    kept = {name: {"bias": np.zeros(1)} for name in what}

    def own(self, w, b):
        Layer.own(self, w, b)
        self.names = set(self.params)
        for name in what:
            kept[name].update(getattr(self, name))
            setattr(self, name, kept[name])

    def arrays(self):
        return tuple(self.params[name] if name in self.names else None for name in ("weight", "bias"))

    def add(self, found):
        for name in self.names:
            self.grads[name] += found[name]

    return bent(right, own=own, arrays=arrays, add=add)


def bias_of_all(right):
    """Linear.b = b, and + self.b: the bias of the object that was made last."""
    kept = {}
    own = owning(lambda self: kept.update({name: self.params[name] for name in self.params if name == "bias"}))

    def arrays(self):
        return self.params["weight"], kept["bias"] if "bias" in self.params else None

    return bent(right, own=own, arrays=arrays)


def bias_asked_of_all(right, *methods):
    """Linear.has_bias = b is not None: what the object that was made last says."""
    kept = {}

    def own(self, w, b):
        Layer.own(self, w, b)
        kept["bias"] = b is not None

    def arrays(self):
        return self.params["weight"], self.params["bias"] if kept["bias"] else None

    def add(self, found):
        for name in self.grads if kept["bias"] else ["weight"]:
            self.grads[name] += found[name]

    return bent(right, own=own, **{one.__name__: one for one in (arrays, add) if one.__name__ in methods})


def weight_of_all(right, *methods):
    """Linear.w = w, used in forward, in backward or in both."""
    kept = {}

    def on_kept(name):
        return lambda self, *args: on_arrays(self, kept, getattr(right, name), *args)

    own = owning(lambda self: kept.update(weight=self.params["weight"]))
    return bent(right, own=own, **{name: on_kept(name) for name in methods})


def sums_apart(right, *names):
    """self.dw += dw, and self.grads["weight"][...] = self.dw"""

    def change(self):
        self.sums = {name: np.zeros_like(grad) for name, grad in self.grads.items() if name in names}

    def add(self, found):
        for name, grad in self.grads.items():
            if name in self.sums:
                self.sums[name] += found[name]
                grad[...] = self.sums[name]
            else:
                grad += found[name]

    def zero_grad(self):
        for grad in (*self.grads.values(), *self.sums.values()):
            grad[...] = 0

    return bent(right, own=owning(change), add=add, zero_grad=zero_grad)


def multiplied(self):
    for grad in self.grads.values():
        with np.errstate(invalid="ignore"):
            grad *= 0


def sometimes_copies(right, names, methods=("operation", "gradients")):
    """self.w = np.ascontiguousarray(w), or w.reshape(len(w), -1): a view, or a copy."""

    def change(self):
        self.mine = {name: np.ascontiguousarray(array) for name, array in self.params.items() if name in names}

    def on_mine(name):
        return lambda self, *args: on_arrays(self, self.mine, getattr(right, name), *args)

    return bent(right, own=owning(change), **{name: on_mine(name) for name in methods})


def reusing(right, *names):
    """One array for all results of a shape."""

    def method(name):
        def written(self, array):
            result = getattr(right, name)(self, array)
            kept = self.__dict__.setdefault("kept_results", {}).setdefault((name, result.shape), np.empty_like(result))
            kept[...] = result
            return kept

        return written

    return bent(right, **{name: method(name) for name in names})


def clearing(right, *names):
    """Methods that set the gradients back after their own work."""

    def method(name):
        def then_clears(self, *args):
            result = getattr(right, name)(self, *args)
            self.zero_grad()
            return result

        return then_clears

    return bent(right, **{name: method(name) for name in names})


def shared_input(right):
    """One default object keeps the input of every layer."""
    kept = {}
    return bent(right, keep=lambda self, x: kept.update(x=x), kept=lambda self: kept["x"])


def hard_wired(right, how):
    """The batch size of the first call, for ever: a buffer of that size, or a number that was kept."""

    def forward(self, x):
        self.samples = getattr(self, "samples", len(x))
        out = right.forward(self, x)
        return how(out, self.samples, self)

    return bent(right, forward=forward)


def into_first_buffer(out, samples, self):
    """self.out = np.zeros(…) at the first call; self.out[...] = …: right for one sample more, repeated."""
    buffer = self.__dict__.setdefault("buffer", np.zeros((samples, *out.shape[1:]), out.dtype))
    buffer[...] = out
    return buffer.copy()


def rows_of_first_buffer(out, samples, self):
    """for n in range(self.samples): out of a buffer that keeps the rows of the batch before."""
    if len(out) > samples:
        raise IndexError(f"index {samples} is out of bounds for axis 0 with size {samples}")
    buffer = self.__dict__.setdefault("buffer", np.zeros((samples, *out.shape[1:]), out.dtype))
    if buffer.shape[1:] != out.shape[1:]:
        raise ValueError(f"could not broadcast input array from shape {out.shape} into shape {buffer.shape}")
    buffer[: len(out)] = out
    return buffer.copy()


def first_samples_only(out, samples, self):
    return out[:samples]


def checked_size(out, samples, self):
    """assert len(x) == self.batch_size"""
    if len(out) != samples:
        raise AssertionError("another batch size")
    return out


def biased(right, change):
    """`change(dbias, dout)` in place of the bias's gradient."""

    def gradients(self, dout, x):
        dx, found = right.gradients(self, dout, x)
        if "bias" in found:
            found["bias"] = change(found["bias"], dout)
        return dx, found

    return bent(right, gradients=gradients)


def bias_of_shape(right, shape):
    """grads["bias"] of another shape from the start, and added to in that shape."""

    def own(self, w, b):
        Layer.own(self, w, b)
        if "bias" in self.grads:
            self.grads["bias"] = self.grads["bias"].reshape(shape(len(b), w.ndim))

    def add(self, found):
        Layer.add(self, {name: g.reshape(self.grads[name].shape) for name, g in found.items()})

    return bent(right, own=own, add=add)


def weighed(right, change):
    """`change(dw, n)` in place of the weight's gradient."""

    def gradients(self, dout, x):
        dx, found = right.gradients(self, dout, x)
        return dx, found | {"weight": change(found["weight"], len(x))}

    return bent(right, gradients=gradients)


def per_sample(found, n):
    return {name: grad / grad.dtype.type(n) for name, grad in found.items()}


def after(right, change):
    """`change(found, n)` on all the gradients of parameters before they are added."""

    def gradients(self, dout, x):
        dx, found = right.gradients(self, dout, x)
        return dx, change(found, len(x))

    return bent(right, gradients=gradients)


def learning(right, when):
    """Weights that change in backward, before dx is computed or after."""

    def gradients(self, dout, x):
        dx, found = right.gradients(self, dout, x)
        for name, param in self.params.items():
            param -= param.dtype.type(0.01) * found[name]
        return (right.gradients(self, dout, x)[0] if when == "before dx" else dx), found

    return bent(right, gradients=gradients)


def bias_key(right, kinds, value):
    """A key where there is no bias."""

    def change(self):
        if "bias" not in self.params:
            for kind in kinds:
                getattr(self, kind)["bias"] = value(self.params["weight"])

    def arrays(self):
        bias = self.params.get("bias")
        return self.params["weight"], bias

    def add(self, found):
        for name in found:
            if self.grads.get(name) is not None:
                self.grads[name] += found[name]

    def zero_grad(self):
        for grad in self.grads.values():
            if grad is not None:
                grad[...] = 0

    return bent(right, own=owning(change), arrays=arrays, add=add, zero_grad=zero_grad)


def bias_required(right):
    """`+ self.params["bias"]`, whether there is one or not."""

    def operation(self, x):
        if "bias" not in self.params:
            raise KeyError("bias")
        return right.operation(self, x)

    return bent(right, operation=operation)


def bias_of_zeros_in_the_dark(right):
    """`if b is None: b = np.zeros(len(w))`: float64, whatever w is."""

    def operation(self, x):
        out = right.operation(self, x)
        return out if "bias" in self.params else out.astype(np.float64)

    return bent(right, operation=operation)


def renamed(right, names):
    """Other keys in the dicts."""

    def own(self, w, b):
        Layer.own(self, w, b)
        self.old = self.params, self.grads
        self.params, self.grads = ({names[name]: a for name, a in one.items()} for one in self.old)

    def with_old_names(name):
        def method(self, *args):
            now = self.params, self.grads
            self.params, self.grads = self.old
            try:
                return getattr(right, name)(self, *args)
            finally:
                self.params, self.grads = now

        return method

    return bent(right, own=own, **{name: with_old_names(name) for name in ("forward", "backward", "zero_grad")})


def without(right, kind, name):
    """A dict that lacks one name: there is no gradient for it, or nobody learns of the array."""

    def change(self):
        self.hidden = {name: getattr(self, kind).pop(name)} if name in getattr(self, kind) else {}

    def arrays(self):
        every = self.params | (self.hidden if kind == "params" else {})
        return every["weight"], every.get("bias")

    return bent(right, own=owning(change), arrays=arrays)


def in_dtype(right, dtype, gradients_only=False):
    """Results or gradients of one dtype always."""

    def change(self):
        self.grads = {name: grad.astype(dtype) for name, grad in self.grads.items()}

    def cast(name):
        return lambda self, array: getattr(right, name)(self, array).astype(dtype)

    if gradients_only:
        return bent(right, own=owning(change))
    return bent(right, forward=cast("forward"), backward=cast("backward"))


def add_copies(self, found):
    for name, grad in self.grads.items():
        np.add(grad, found[name], out=grad, casting="unsafe")


def in_float64(right, *what):
    """np.zeros(shape) for out, dx or the gradients."""
    methods = {
        name: lambda self, array, name=name: getattr(right, name)(self, array).astype(np.float64)
        for name in what if name != "grads"
    }  # fmt: skip
    own = owning(lambda self: setattr(self, "grads", {name: grad.astype(float) for name, grad in self.grads.items()}))
    return bent(right, **methods, **({"own": own} if "grads" in what else {}))


def nothing_kept_in_evaluation(right, how):
    """Under eval: the input before stays (how is None), or there is none, and backward raises `how`."""

    def keep(self, x):
        if not self.__dict__.get("evaluates"):
            self.x = x
        elif how:
            self.x = None

    def kept(self):
        if self.x is None:
            raise how("no input was kept")
        return self.x

    return bent(right, keep=keep, kept=kept)


def first_input(right):
    return bent(right, keep=lambda self, x: setattr(self, "x", x if self.x is None else self.x))


def output_kept(right):
    def forward(self, x):
        out = self.operation(x)
        self.keep(out)
        return out

    return bent(right, forward=forward)


def protocol_mistakes(right: type, most: int = 12, also_shared: tuple = ()) -> list[Mistake]:
    """What can be wrong in any layer that has a weight and perhaps a bias, each in at most so many spellings.

    also_shared: further spellings of what all objects share, which are all kept.
    """
    nothing = lambda self: None  # noqa: E731
    zeros = lambda w: np.zeros(len(w), w.dtype)  # noqa: E731
    found = [
        Mistake("gradients_overwritten", OVERWRITTEN, (
            bent(right, add=replaced),
            bent(right, add=written_over),
            bent(right, add=replaced, zero_grad=zeroed_anew),
            in_own_dict(right),
            bent(right, add=only("weight", written_over, Layer.add)),
            cleared_before(right, "backward"),
            bent(right, add=only("weight", replaced, Layer.add)),
            bent(right, add=only("bias", replaced, Layer.add)),
            bent(right, add=only("bias", written_over, Layer.add)),
            bent(right, add=replaced, zero_grad=zeroed_in_new_dict),
        )),
        Mistake("cleared_in_forward", CLEARED_IN_FORWARD, (cleared_before(right, "forward"),)),
        Mistake("gradients_rebound", REBOUND, (
            bent(right, add=added_anew),
            bent(right, add=only("weight", added_anew, Layer.add)),
            bent(right, add=added_anew, zero_grad=zeroed_anew),
        )),
        Mistake("not_cleared", NOT_CLEARED, (
            bent(right, zero_grad=nothing),
            bent(right, zero_grad=zeroed_only("weight")),
            bent(right, zero_grad=zeroed_only("bias")),
        )),
        Mistake("cleared_by_new_arrays", CLEARED_BY_NEW, (
            bent(right, zero_grad=zeroed_anew),
            bent(right, zero_grad=lambda self: self.grads.clear()),
            bent(right, zero_grad=lambda self: self.grads.update(dict.fromkeys(self.grads, 0.0))),
        )),
        Mistake("params_are_copies", COPIED, (
            bent(right, **works_on_copies("weight", "bias")),
            bent(right, **works_on_copies("weight")),
            copies_at_each_look(right),
            bent(right, **works_on_copies("bias")),
            copies_in(right, "operation", "weight"),
            copies_in(right, "operation", "weight", "bias"),
            copies_in(right, "gradients", "weight"),
        )),
        Mistake("gradients_kept_apart", APART, tuple(
            sums_apart(right, *names) for names in (("weight",), ("weight", "bias"), ("bias",)))),
        Mistake("zeroed_by_multiplication", MULTIPLIED, (bent(right, zero_grad=multiplied),)),
        Mistake("params_are_sometimes_copies", SOMETIMES_COPIED, (
            sometimes_copies(right, ("weight",)),
            sometimes_copies(right, ("weight",), ("operation",)),
            sometimes_copies(right, ("weight",), ("gradients",)),
            sometimes_copies(right, ("bias",)),
            sometimes_copies(right, ("weight", "bias")),
        )),
        Mistake("result_reused", REUSED, (
            reusing(right, "forward"), reusing(right, "backward"), reusing(right, "forward", "backward"))),
        Mistake("cleared_by_mode", CLEARED_BY_MODE, (
            clearing(right, "eval"), clearing(right, "train"), clearing(right, "train", "eval"))),
        Mistake("batch_size_kept", HARD_WIRED, tuple(
            hard_wired(right, how)
            for how in (into_first_buffer, rows_of_first_buffer, first_samples_only, checked_size)
        )),
        Mistake("no_dx", NO_DX, (
            bent(right, backward=lambda self, dout: self.add(self.gradients(dout, self.kept())[1])),)),
        Mistake("first_input_kept", FIRST_INPUT, (first_input(right),)),
        Mistake("output_kept", KEPT_OUTPUT, (output_kept(right),)),
        Mistake("nothing_kept_in_evaluation", EVALUATION, tuple(
            nothing_kept_in_evaluation(right, how) for how in (None, AttributeError, TypeError))),
        Mistake("bias_of_zeros_dropped", BIAS_DROPPED, (
            bias_kept_if(right, lambda b: np.any(b)),
            bent(right, add=bias_learned_if_not_zero),
            bias_used_if_not_zero_at_first(right),
        )),
        Mistake("bias_asked_for_truth", BIAS_TRUTH, (
            bias_kept_if(right, lambda b: b), bias_kept_if(right, lambda b: b != None))),  # noqa: E711
        Mistake("bias_key_without_bias", BIAS_KEY, (
            bias_key(right, ("params", "grads"), zeros),
            bias_key(right, ("params",), lambda w: None),
            bias_key(right, ("grads",), zeros),
        )),
        Mistake("no_bias_key", NO_BIAS_KEY, (without(right, "params", "bias"), without(right, "grads", "bias"))),
        Mistake("grads_made_late", GRADS_LATE, tuple(
            bent(right, own=owning(lambda self: self.grads.clear()), add=add) for add in (made_late, made_each_time))),
        Mistake("other_names", OTHER_NAMES, tuple(
            renamed(right, dict(zip(("weight", "bias"), names)))
            for names in (("w", "b"), ("weights", "bias"), ("weight", "b"))
        )),
        Mistake("bias_of_another_shape", BIAS_SHAPE, (
            bias_of_shape(right, lambda k, axes: (1, k)),
            bias_of_shape(right, lambda k, axes: (k, 1)),
            bias_of_shape(right, lambda k, axes: (1, k, 1, 1)),
            biased(right, lambda db, dout: dout),
        )),
        Mistake("bias_all_in_one", BIAS_ONE_SUM, (biased(right, lambda db, dout: np.full_like(db, dout.sum())),)),
        Mistake("bias_without_gradient", BIAS_UNTOUCHED, (
            biased(right, lambda db, dout: np.zeros_like(db)),)),
        Mistake("mean_for_sum", MEAN, (
            after(right, per_sample),
            weighed(right, lambda dw, n: dw / dw.dtype.type(n)),
            biased(right, lambda db, dout: db / db.dtype.type(len(dout))),
        )),
        Mistake("grads_are_params", GRADS_ARE_PARAMS, (
            bent(right, own=owning(lambda self: setattr(self, "grads", dict(self.params)))),
        )),
        Mistake("backward_learns", LEARNS, (learning(right, "before dx"), learning(right, "after dx"))),
        Mistake("bias_left_out", BIAS_LEFT_OUT, (bent(right, operation=lambda self, x: self.run(
            torch.tensor(x), torch.tensor(self.params["weight"]), None).numpy()),)),
        Mistake("bias_required", "Your layer needs a bias. b may be None: look first whether there is one.", (
            bias_required(right),)),
        Mistake("precision", PRECISION, (
            in_dtype(right, np.float64), in_dtype(right, np.float32), in_dtype(right, np.float64, gradients_only=True),
            in_float64(right, "forward"), in_float64(right, "backward"),
            bias_of_zeros_in_the_dark(right),
            bent(in_dtype(right, np.float32, gradients_only=True), add=add_copies),
            in_float64(right, "forward", "grads"), in_float64(right, "backward", "grads"),
            in_float64(right, "forward", "backward", "grads"))),
    ]  # fmt: skip
    shared_by_all = Mistake("shared_by_all", SHARED, (
        shared(right, "grads"),
        shared(right, "params"),
        shared(right, "params", "grads"),
        shared_input(right),
        bias_of_all(right),
        bias_asked_of_all(right, "arrays", "add"),
        bias_asked_of_all(right, "arrays"),
        weight_of_all(right, "operation", "gradients"),
        weight_of_all(right, "operation"),
        weight_of_all(right, "gradients"),
        *also_shared,
    ))  # fmt: skip
    return [shared_by_all, *(replace(one, answers=one.answers[:most]) for one in found)]


# How an entry comes about -------------------------------------------------------------------------


def passes(calls: str) -> tuple[list[tuple[str, str]], str]:
    """Of the calls so far: (x, dout) of each backward since zero_grad, and the x of the last forward."""
    pairs, last = [], ""
    for words in calls.split("; "):
        name, _, argument = words.removesuffix(")").partition("(")
        if name == "forward":
            last = argument
        elif name == "backward":
            pairs.append((last, argument))
        elif name == "zero_grad":
            pairs = []
    return pairs, last


def layer_terms(entry):
    """The terms of an entry of out, dx or a gradient, where no step has changed the weights before."""

    def terms(output, index, w, b=None, calls="", **more):
        when, _, what = output.partition(": ")
        words = when.partition(", ")[2]
        if not when.startswith("call ") or "." in words:
            return None
        so_far = calls.split("; ")[: int(when.removeprefix("call ").partition(",")[0])]
        if {STEP, HALVED, OVERFLOW} & set(so_far) or "other_w" in more:
            return None
        pairs, last = passes("; ".join(so_far))
        if what == "out":
            found = entry("out", index, w, more[last], None, more)
            return told(found) if b is None else f"{told(found) or 0} + {factor(b[index[1]])}"
        if what == "dx":
            return told(entry("dx", index, w, more[last], more[words[9:-1]], more))
        kind = what.removeprefix('grads["').removesuffix('"]')
        found = [told(entry(kind, index, w, more[x], more[dout], more)) for x, dout in pairs]
        return " + ".join(filter(None, found)) or None

    return terms


def told(pairs) -> str:
    return " + ".join(f"{factor(a)}·{factor(b)}" if b is not None else number(a) for a, b in pairs)


def linear_entry(kind, index, w, x, dout, more):
    if kind == "bias":
        return [(float(one), None) for one in dout[:, index[0]]]
    i, j = index
    pairs = {
        "out": lambda: zip(x[i], w[j]), "dx": lambda: zip(dout[i], w[:, j]), "weight": lambda: zip(dout[:, i], x[:, j])
    }
    return [(float(a), float(b)) for a, b in pairs[kind]()]


def conv2d_entry(kind, index, w, x, dout, more):
    """Pairs of factors, found by walking over all places of the kernel and keeping those that meet the entry."""
    if kind == "bias":
        return [(float(one), None) for one in dout[:, index[0]].ravel()]
    stride, p = more.get("stride", 1), more.get("padding", 0)
    (N, C, H, W), (filters, _, KH, KW) = x.shape, w.shape
    OH, OW = ((size + 2 * p - k) // stride + 1 for size, k in ((H, KH), (W, KW)))
    found = []
    for n, f, i, j, c, kh, kw in np.ndindex(N, filters, OH, OW, C, KH, KW):
        row, column = i * stride + kh - p, j * stride + kw - p
        if not (0 <= row < H and 0 <= column < W):
            continue
        if kind == "out" and index == (n, f, i, j):
            found.append((float(x[n, c, row, column]), float(w[f, c, kh, kw])))
        elif kind == "dx" and index == (n, c, row, column):
            found.append((float(dout[n, f, i, j]), float(w[f, c, kh, kw])))
        elif kind == "weight" and index == (f, c, kh, kw):
            found.append((float(dout[n, f, i, j]), float(x[n, c, row, column])))
    return found


# Linear -------------------------------------------------------------------------------------------


def with_operation(right, operation):
    return bent(right, operation=lambda self, x: operation(x, self.params["weight"], self.params.get("bias", 0)))


def with_gradients(right, gradients):
    """`gradients(dx, dw, dout, x, w)` -> dx, dw in place of the right ones."""

    def answer(self, dout, x):
        dx, found = right.gradients(self, dout, x)
        dx, dw = gradients(dx, found["weight"], dout, x, self.params["weight"])
        return dx, found | {"weight": dw}

    return bent(right, gradients=answer)


def one_sample(out):
    return out[0] if len(out) == 1 else out


def no_axes_of_one(right, name):
    return bent(right, **{name: lambda self, array: getattr(right, name)(self, array).squeeze()})


LINEAR = Reference(
    answer=Linear,
    like="torch.nn.Linear",
    terms=layer_terms(linear_entry),
    mistakes=(
        *protocol_mistakes(_FastLinear),
        Mistake(
            "weights_transposed",
            "The weights are (K, D), a row for each output, as in torch. Shapes hide it where K = D.",
            (
                with_operation(_FastLinear, lambda x, w, b: x @ w + b),
                with_operation(_FastLinear, lambda x, w, b: x @ w.reshape(w.shape[::-1]) + b),
                bent(
                    with_operation(_FastLinear, lambda x, w, b: x @ w + b),
                    gradients=lambda self, dout, x: (
                        dout @ self.params["weight"].T, {"weight": x.T @ dout, "bias": dout.sum(axis=0)}
                    ),
                ),
            ),
        ),
        Mistake(
            "dx_transposed",
            "dx is a product of dout (N, K) and the weights (K, D): they are not transposed here.",
            (
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (dout @ w.T, dw)),
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (dx.T, dw)),
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (w @ dout, dw)),
            ),
        ),
        Mistake(
            "dw_transposed",
            "The weight's gradient came out as (D, K). It has the shape (K, D) of the weight: dout comes first, "
            "transposed.",
            (
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (dx, dw.T)),
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (dx, dw.T.reshape(w.shape))),
            ),
        ),
        Mistake(
            "first_sample_only",
            "Only one sample of the batch counts. A weight is used by every sample: add up over all of them.",
            (
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (dx, np.outer(dout[0], x[0]))),
                with_gradients(_FastLinear, lambda dx, dw, dout, x, w: (dx, np.outer(dout[-1], x[-1]))),
                biased(_FastLinear, lambda db, dout: dout[0]),
                biased(_FastLinear, lambda db, dout: dout[-1]),
            ),
        ),
        Mistake(
            "bias_along_the_wrong_axis",
            "The bias's gradient adds up over the samples, axis 0, not over the outputs.",
            (biased(_FastLinear, lambda db, dout: dout.sum(axis=1)),),
        ),
        Mistake(
            "axis_lost",
            "You lost an axis of length 1. x (N, D) gives out (N, K), also where N, D or K is 1.",
            (
                no_axes_of_one(_FastLinear, "forward"),
                no_axes_of_one(_FastLinear, "backward"),
                bent(_FastLinear, forward=lambda self, x: one_sample(_FastLinear.forward(self, x))),
            ),
        ),
    ),
)


# Conv2d -------------------------------------------------------------------------------------------


def torch_gradients(dout, x, w, stride, padding):
    """dx and dw by torch."""
    return convolution_gradients(dout, x, w, stride, padding)[:2]


def bent_conv(change):
    """`change(dx, dw, dout, x, w, stride, padding)` -> dx, dw in place of the right ones."""

    def gradients(self, dout, x):
        dx, found = _FastConv2d.gradients(self, dout, x)
        dx, dw = change(dx, found["weight"], dout, x, self.params["weight"], self.stride, self.padding)
        return dx, found | {"weight": dw}

    return bent(_FastConv2d, gradients=gradients)


def bent_forward(change):
    """`change(x, w, b, stride, padding)` in place of the output; b is None or an array."""

    def operation(self, x):
        return change(x, *self.arrays(), self.stride, self.padding)

    return bent(_FastConv2d, operation=operation)


def conv(x, w, b, stride, padding):
    return F.conv2d(*(None if one is None else torch.tensor(np.ascontiguousarray(one)) for one in (x, w, b)),
                    stride, padding).numpy()  # fmt: skip


def turned(w):
    return w[:, :, ::-1, ::-1].copy()


def as_if_stride_1(part):
    """x[:, :, i : i + KH] for x[:, :, i·stride : i·stride + KH], in dx, in dw, or in both."""

    def change(dx, dw, dout, x, w, stride, padding):
        full = np.zeros((len(x), len(w), *(s + 2 * padding - k + 1 for s, k in zip(x.shape[2:], w.shape[2:]))), x.dtype)
        full[:, :, : dout.shape[2], : dout.shape[3]] = dout
        wrong = torch_gradients(full, x, w, 1, padding)
        return (wrong[0] if "dx" in part else dx), (wrong[1] if "dw" in part else dw)

    return bent_conv(change)


def padded_gradient(dout, x, w, stride, padding):
    """dx with the border still on it."""
    border = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    return torch_gradients(dout, np.pad(x, border), w, stride, 0)[0]


def dx_overwritten(dx, dw, dout, x, w, stride, padding):
    """= for += where windows overlap."""
    (N, C, H, W), (filters, _, KH, KW) = x.shape, w.shape
    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), x.dtype)
    for i, j in np.ndindex(dout.shape[2:]):
        top, left = i * stride, j * stride
        padded[:, :, top : top + KH, left : left + KW] = np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
    return padded[:, :, padding : padding + H, padding : padding + W], dw


def places_overwritten(dx, dw, dout, x, w, stride, padding):
    """The same, place by place of the kernel."""
    (N, C, H, W), (_, _, KH, KW), (_, _, OH, OW) = x.shape, w.shape, dout.shape
    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), x.dtype)
    for i, j in np.ndindex(KH, KW):
        part = np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
        padded[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride] = part
    return padded[:, :, padding : padding + H, padding : padding + W], dw


def dw_of_last_place(dx, dw, dout, x, w, stride, padding):
    """= for += over the places of the kernel on the image."""
    only_last = np.zeros_like(dout)
    only_last[:, :, -1, -1] = dout[:, :, -1, -1]
    return dx, torch_gradients(only_last, x, w, stride, padding)[1]


def of_one_image(which):
    def change(dx, dw, dout, x, w, stride, padding):
        return dx, torch_gradients(dout[which], x[which], w, stride, padding)[1]

    return bent_conv(change)


def scrambled(dx, dw, dout, x, w, stride, padding):
    """reshape where a transposition was meant: right for a single image."""
    x = x.reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(1, 0, 2, 3)
    return dx, torch_gradients(dout, x, w, stride, padding)[1]


def touched_only(dx, dw, dout, x, w, stride, padding):
    """An input gradient as large as what the windows touched."""
    rows, columns = ((o - 1) * stride + k - 2 * padding for o, k in zip(dout.shape[2:], w.shape[2:]))
    return dx[:, :, :rows, :columns], dw


def same_size(which):
    """One output size for both directions."""

    def forward(x, w, b, stride, padding):
        out = conv(x, w, b, stride, padding)
        size = out.shape[which]
        wrong = np.zeros((*out.shape[:2], size, size), out.dtype)
        fits = wrong[:, :, : out.shape[2], : out.shape[3]]
        fits[...] = out[:, :, :size, :size]
        return wrong

    return bent_forward(forward)


def geometry_ignored(**fixed):
    """stride or padding that are not looked at, in forward and backward."""

    def init(self, w, b=None, stride=1, padding=0):
        Layer.__init__(self, w, b, **{"stride": stride, "padding": padding} | fixed)

    return bent(_FastConv2d, __init__=init)


def in_other_order(self, w, b=None, padding=0, stride=1):
    Layer.__init__(self, w, b, stride, padding)


def bias_sums(*axes):
    def change(db, dout):
        return dout.sum(axis=axes)

    return biased(_FastConv2d, change)


def bias_a_pixel(x, w, b, stride, padding):
    """`out + b`: the bias along the last axis, the columns, where it fits or is one number."""
    out = conv(x, w, None, stride, padding)
    return out if b is None else out + b


def geometry_of_all(*names):
    """Conv2d.stride = stride: what the object that was made last was given."""
    kept = {}

    def setting(name):
        return property(lambda self: kept[name], lambda self, value: kept.update({name: value}))

    return bent(_FastConv2d, **{name: setting(name) for name in names})


def image_size_of_all():
    """Conv2d.x_shape = x.shape: the border is cut off as the last forward's images, of any object, would need it."""
    kept = {}

    def keep(self, x):
        self.x = x
        kept["size"] = x.shape[2:]

    def gradients(self, dout, x):
        dx, found = _FastConv2d.gradients(self, dout, x)
        p, (H, W) = self.padding, kept["size"]
        dx = padded_gradient(dout, x, self.params["weight"], self.stride, p)[:, :, p : p + H, p : p + W]
        return dx, found

    return bent(_FastConv2d, keep=keep, gradients=gradients)


def output_size_of_all():
    """Conv2d.OH, Conv2d.OW = …: slices of one size meet a dout of another."""
    kept = {}

    def forward(self, x):
        out = _FastConv2d.forward(self, x)
        kept["size"] = out.shape[2:]
        return out

    def backward(self, dout):
        if kept["size"] != dout.shape[2:]:
            raise ValueError("operands could not be broadcast together")
        return _FastConv2d.backward(self, dout)

    return bent(_FastConv2d, forward=forward, backward=backward)


def kernel_size_of_all():
    """Conv2d.w_shape = w.shape: backward goes through the places of another kernel."""
    kept = {}

    def keep(self, x):
        self.x = x
        kept["size"] = self.params["weight"].shape[2:]

    def gradients(self, dout, x):
        w = self.params["weight"]
        (KH, KW), seen = kept["size"], np.zeros_like(w)
        seen[:, :, :KH, :KW] = 1
        dx, found = on_arrays(self, {"weight": w * seen}, _FastConv2d.gradients, dout, x)
        return dx, found | {"weight": found["weight"] * seen}

    return bent(_FastConv2d, keep=keep, gradients=gradients)


def sizes_kept(*axes):
    """Places or sizes kept for these axes of x: another image with the same ones meets slices that do not fit."""

    def operation(self, x):
        key = tuple(x.shape[axis] for axis in axes)
        if self.__dict__.setdefault("sizes", {}).setdefault(key, x.shape[2:]) != x.shape[2:]:
            raise ValueError("operands could not be broadcast together")
        return _FastConv2d.operation(self, x)

    return bent(_FastConv2d, operation=operation)


CONV2D = Reference(
    answer=Conv2d,
    like="torch.nn.Conv2d",
    terms=layer_terms(conv2d_entry),
    mistakes=(
        *protocol_mistakes(_FastConv2d, most=5, also_shared=(
            geometry_of_all("stride", "padding"), geometry_of_all("stride"), geometry_of_all("padding"),
            image_size_of_all(), output_size_of_all(), kernel_size_of_all(),
        )),
        Mistake(
            "sizes_kept",
            "Your layer keeps places or sizes from an image before, though this one is higher or wider. Take H and W "
            "from the x of each call.",
            (sizes_kept(0), sizes_kept(0, 2), sizes_kept(0, 3), sizes_kept()),
        ),
        Mistake(
            "kernel_turned",
            "You turned the kernel by 180° in forward. torch slides it as it is.",
            (bent_forward(lambda x, w, b, s, p: conv(x, turned(w), b, s, p)),),
        ),
        Mistake(
            "kernel_not_turned_in_dx",
            "In dx the kernel lies the wrong way round. A pixel that lay under w[:, :, i, j] gets its gradient through "
            "w[:, :, i, j]: seen from the pixel, the outputs run backwards.",
            (
                bent_conv(lambda dx, dw, dout, x, w, s, p: (torch_gradients(dout, x, turned(w), s, p)[0], dw)),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (
                    torch_gradients(dout, x, w[:, :, ::-1].copy(), s, p)[0], dw)),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (
                    torch_gradients(dout, x, w[:, :, :, ::-1].copy(), s, p)[0], dw)),
            ),
        ),
        Mistake(
            "dw_turned",
            "The weight's gradient is turned by 180°. dw[:, :, i, j] is made of the pixels that lay under this place.",
            (bent_conv(lambda dx, dw, dout, x, w, s, p: (dx, turned(dw))),),
        ),
        Mistake(
            "stride_forgotten_in_backward",
            "Backward forgets the stride. Output (i, j) saw the window that begins at (i · stride, j · stride), "
            "in backward as in forward.",
            (as_if_stride_1("dx"), as_if_stride_1("dw"), as_if_stride_1("dx and dw")),
        ),
        Mistake(
            "geometry_ignored",
            "stride or padding is not used at all.",
            (
                geometry_ignored(stride=1),
                geometry_ignored(padding=0),
                geometry_ignored(stride=1, padding=0),
            ),
        ),
        Mistake(
            "settings_in_params",
            "params holds something that is not learned. An optimizer changes all it finds there: stride and padding "
            "belong into the object itself, self.stride.",
            (bent(_FastConv2d, own=owning(lambda self: self.params.update(stride=self.stride, padding=self.padding))),),
        ),
        Mistake(
            "parameters_in_another_order",
            "The parameters are w, b, stride, padding, in this order: somebody may pass them without names.",
            (bent(_FastConv2d, __init__=in_other_order),),
        ),
        Mistake(
            "border_left_on",
            "dx still has the border of zeros around it. It has the shape of x: cut off what padding put on.",
            (
                bent_conv(lambda dx, dw, dout, x, w, s, p: (padded_gradient(dout, x, w, s, p), dw)),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (
                    padded_gradient(dout, x, w, s, p)[:, :, : x.shape[2], : x.shape[3]], dw)),
            ),
        ),
        Mistake(
            "empty_slice_at_padding_0",
            "The slice padding:-padding is empty where padding is 0. Cut from padding to padding + H.",
            (
                bent_conv(lambda dx, dw, dout, x, w, s, p: (
                    padded_gradient(dout, x, w, s, p)[:, :, p:-p, p:-p], dw)),
            ),
        ),
        Mistake(
            "left_over_rows_lost",
            "dx is smaller than x. Rows and columns that no window touched have the gradient 0, but they are there.",
            (bent_conv(touched_only),),
        ),
        Mistake(
            "overlap_overwritten",
            "Places overlap, and so do windows. A pixel got the last part of its gradient only: add the parts, += and "
            "not =.",
            (bent_conv(dx_overwritten), bent_conv(places_overwritten)),
        ),
        Mistake(
            "last_place_only",
            "The weight's gradient comes from the last place of the kernel only. Every place adds its part: +=, not =.",
            (bent_conv(dw_of_last_place),),
        ),
        Mistake(
            "one_image_only",
            "Only one image of the batch counts in the weight's or the bias's gradient. Add up over all images.",
            (
                of_one_image(slice(0, 1)),
                of_one_image(slice(-1, None)),
                biased(_FastConv2d, lambda db, dout: dout[0].sum(axis=(1, 2))),
                biased(_FastConv2d, lambda db, dout: dout[-1].sum(axis=(1, 2))),
            ),
        ),
        Mistake(
            "one_channel_for_all",
            "Every channel of dx holds the gradient of one channel. Each channel has its own kernels.",
            (
                bent_conv(lambda dx, dw, dout, x, w, s, p: (np.repeat(dx[:, :1], dx.shape[1], axis=1), dw)),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (
                    np.repeat(dx.sum(axis=1, keepdims=True), dx.shape[1], axis=1), dw)),
            ),
        ),
        Mistake(
            "images_and_channels_mixed_up",
            "Images and channels are mixed up in the weight's gradient. reshape does not exchange axes: "
            "transpose does.",
            (bent_conv(scrambled),),
        ),
        Mistake(
            "kernel_transposed",
            "The kernel is transposed, filters for channels or rows for columns.",
            (
                bent_forward(lambda x, w, b, s, p: conv(x, w.transpose(1, 0, 2, 3), b, s, p)),
                bent_forward(lambda x, w, b, s, p: conv(x, w.transpose(0, 1, 3, 2), b, s, p)),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (dx, dw.transpose(1, 0, 2, 3))),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (dx, dw.transpose(0, 1, 3, 2))),
            ),
        ),
        Mistake(
            "height_for_width",
            "You used the height where the width belongs, or the other way round. Square images and kernels hide that.",
            (same_size(2), same_size(3)),
        ),
        Mistake(
            "bias_along_the_columns",
            "You added the bias along the last axis, the columns. A bias belongs to a filter: b[:, None, None] "
            "lines up.",
            (bent_forward(bias_a_pixel),),
        ),
        Mistake(
            "bias_over_the_wrong_axes",
            "The bias's gradient adds up dout over images, rows and columns: axes 0, 2 and 3. One number a "
            "filter is left.",
            (bias_sums(1, 2, 3), bias_sums(0, 1, 2)),
        ),
        Mistake(
            "mean_over_the_pixels",
            "You took a mean over the pixels. A weight and a bias are used at every place: add up.",
            (
                biased(_FastConv2d, lambda db, dout: dout.mean(axis=(0, 2, 3))),
                bent_conv(lambda dx, dw, dout, x, w, s, p: (dx, dw / dw.dtype.type(dout[0, 0].size))),
                biased(_FastConv2d, lambda db, dout: db / db.dtype.type(dout[0, 0].size)),
            ),
        ),
    ),
)


# Sequential ---------------------------------------------------------------------------------------


class Through(torch.autograd.Function):
    """One layer of the lab's protocol, for torch's autograd."""

    @staticmethod
    def forward(context, x, layer):
        context.layer = layer
        return torch.from_numpy(layer.forward(x.detach().numpy().copy()))

    @staticmethod
    def backward(context, dout):
        return torch.from_numpy(np.ascontiguousarray(context.layer.backward(dout.numpy().copy()))), None


class Module(torch.nn.Module):
    """A layer of the lab's protocol as one of torch's."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return Through.apply(x, self.layer)

    def train(self, training=True):
        if training:
            self.layer.train()
        else:
            self.layer.eval()
        return super().train(training)


class Sequential:
    """Layers in a row: torch.nn.Sequential decides who comes when, and which name a layer has."""

    def __init__(self, layers):
        self.row = torch.nn.Sequential(*map(Module, layers))

    def named(self, kind):
        return {
            f"{place}.{name}": array
            for place, module in self.row.named_children()
            for name, array in getattr(module.layer, kind).items()
        }

    @property
    def params(self):
        return self.named("params")

    @property
    def grads(self):
        return self.named("grads")

    def forward(self, x):
        with torch.enable_grad():  # a network inside a network runs inside an autograd.Function
            self.x = torch.tensor(x, requires_grad=True)
            self.out = self.row(self.x)
        return self.out.detach().numpy()

    def backward(self, dout):
        return torch.autograd.grad(self.out, self.x, torch.tensor(dout), allow_unused=True)[0].numpy()

    def zero_grad(self):
        for module in self.row:
            module.layer.zero_grad()

    def train(self):
        self.row.train()

    def eval(self):
        self.row.eval()


class _Row:
    """A right network in plain NumPy, in parts that can be bent."""

    def __init__(self, layers):
        self.layers = layers
        self.collect()

    def name(self, index, layer, name):
        return f"{index}.{name}"

    def collect(self):
        self.params, self.grads = (
            {
                self.name(index, layer, name): array
                for index, layer in enumerate(self.layers)
                for name, array in getattr(layer, kind).items()
            }
            for kind in ("params", "grads")
        )

    def forward(self, x):
        return functools.reduce(lambda out, layer: layer.forward(out), self.layers, x)

    def backward(self, dout):
        for layer in self.layers[::-1]:
            dout = layer.backward(dout)
        return dout

    def each(self, name):
        for layer in self.layers:
            getattr(layer, name)()

    def zero_grad(self):
        self.each("zero_grad")

    def train(self):
        self.each("train")

    def eval(self):
        self.each("eval")


def names_by(name):
    return bent(_Row, name=name)


def names_by_count(self, index, layer, name):
    """Only the layers that have parameters are counted."""
    return f"{sum(bool(one.params) for one in self.layers[:index])}.{name}"


def inner_names_cut(self, index, layer, name):
    """The last part only: "1.0.weight" becomes "1.weight"."""
    return f"{index}.{name.rpartition('.')[2]}"


def inner_names_joined(self, index, layer, name):
    """Inner layers are counted on: 0, 1, 2 … through all of them."""
    before = sum(count(one) for one in self.layers[:index])
    inner, _, last = name.rpartition(".")
    return f"{before + (int(inner.partition('.')[0]) if inner else 0)}.{last}"


def count(layer):
    """How many plain layers are in it."""
    return sum(map(count, layer.layers)) if isinstance(layer, _Row) else 1


def backward_by(order):
    def backward(self, dout):
        for layer in order(self.layers):
            dout = layer.backward(dout)
        return dout

    return bent(_Row, backward=backward)


def dout_to_all(self, dout):
    """for layer in reversed(self.layers): dx = layer.backward(dout)"""
    dx = dout
    for layer in self.layers[::-1]:
        dx = layer.backward(dout)
    return dx


def x_to_all(self, x):
    """for layer in self.layers: out = layer.forward(x)"""
    out = x
    for layer in self.layers:
        out = layer.forward(x)
    return out


def without_dx(self, dout):
    _Row.backward(self, dout)


def first_layer_gives_none(self, dout):
    """The first layer's backward is not asked for."""
    for layer in self.layers[:0:-1]:
        dout = layer.backward(dout)
    return dout


def layers_with_parameters_only(self, dout):
    for layer in self.layers[::-1]:
        if layer.params:
            dout = layer.backward(dout)
    return dout


def output_unbound(self, x):
    """`out` is bound inside the loop only."""
    if not self.layers:
        raise UnboundLocalError("cannot access local variable 'out' where it is not associated with a value")
    return _Row.forward(self, x)


def first_layer_apart(self, x):
    """out = self.layers[0].forward(x), and then the rest."""
    self.layers[0]
    return _Row.forward(self, x)


def copied(*kinds):
    def collect(self):
        _Row.collect(self)
        for kind in kinds:
            setattr(self, kind, {name: array.copy() for name, array in getattr(self, kind).items()})

    return bent(_Row, collect=collect)


def copied_at_each_look(*kinds):
    def look(kind):
        return property(lambda self: {name: array.copy() for name, array in self.own[kind].items()})

    def collect(self):
        plain = _Row(self.layers)
        self.own = {"params": plain.params, "grads": plain.grads}
        for kind in self.own.keys() - set(kinds):
            setattr(self, kind, self.own[kind])

    return bent(_Row, collect=collect, **{kind: look(kind) for kind in kinds})


def nested_in_dicts(self):
    """params["0"]["weight"] for params["0.weight"]"""
    self.params = {str(index): layer.params for index, layer in enumerate(self.layers)}
    self.grads = {str(index): layer.grads for index, layer in enumerate(self.layers)}


def lists_of_dicts(self):
    self.params = [layer.params for layer in self.layers]
    self.grads = [layer.grads for layer in self.layers]


def shared_layers():
    """A list that belongs to the class, or to a parameter's default: each network adds its layers to it."""
    kept = []

    def collect(self):
        kept.extend(self.layers)
        self.layers = kept
        _Row.collect(self)

    return bent(_Row, collect=collect)


def shared_dicts():
    kept = {"params": {}, "grads": {}}

    def collect(self):
        _Row.collect(self)
        for kind, arrays in kept.items():
            arrays.update(getattr(self, kind))
            setattr(self, kind, arrays)

    return bent(_Row, collect=collect)


def names_out_of_nowhere(case, outputs):
    """A network without layers that has parameters: those of networks before it."""
    strange = outputs.get("at first: number of names in params that do not belong there", 0)
    return not case.args["layers"] and strange > 0


def own_zeros(self):
    """The network's dict gets new zeros, the layers are not told."""
    self.grads = {name: np.zeros_like(grad) for name, grad in self.grads.items()}


def own_zeros_in_place(self):
    self.grads.update({name: np.zeros_like(grad) for name, grad in self.grads.items()})


def first_only(name):
    def method(self):
        for layer in self.layers[:1]:
            getattr(layer, name)()

    return method


def with_parameters_only(name):
    def method(self):
        for layer in self.layers:
            if layer.params:
                getattr(layer, name)()

    return method


def plain_only(name):
    """Networks inside are left out."""

    def method(self):
        for layer in self.layers:
            if not isinstance(layer, _Row):
                getattr(layer, name)()

    return method


def noted_only(value):
    """self.training = …, and nobody is told."""
    return lambda self: setattr(self, "training", value)


def turned_over(self):
    """eval for train and the other way round."""
    self.each("train")


def list_reversed(self, dout):
    """self.layers.reverse() in place, and never back."""
    self.layers.reverse()
    for layer in self.layers:
        dout = layer.backward(dout)
    return dout


def reverse_gives_none(self, dout):
    """for layer in self.layers.reverse()"""
    self.layers.reverse()
    raise TypeError("'NoneType' object is not iterable")


def takes_layers_away(self, dout):
    while self.layers:
        dout = self.layers.pop().backward(dout)
    return dout


def cleared(self, dout):
    self.zero_grad()
    return _Row.backward(self, dout)


def calling(name, other, first=False):
    """A method that calls another one, before or after its own work."""

    def method(self, *args):
        if first:
            getattr(self, other)()
        result = getattr(_Row, name)(self, *args)
        if not first:
            getattr(self, other)()
        return result

    return bent(_Row, **{name: method})


def when_made(*names):
    """Methods of the network that __init__ calls."""

    def collect(self):
        for name in names:
            getattr(self, name)()
        _Row.collect(self)

    return bent(_Row, collect=collect)


def only_if_new(*modes):
    """if self.training: return"""

    def method(name):
        def only_then(self):
            before, self.mode = getattr(self, "mode", "train"), name
            if before != name or name not in modes:
                self.each(name)

        return only_then

    return bent(_Row, train=method("train"), eval=method("eval"))


def names_guessed(inside):
    """for name in ("weight", "bias"), of every layer, or of those that are no networks."""

    def collect(self):
        _Row.collect(self)
        plain = [str(i) for i, one in enumerate(self.layers) if not (inside and isinstance(one, _Row))]
        for kind in ("params", "grads"):
            kept = {
                name: array for name, array in getattr(self, kind).items()
                if name.split(".")[0] not in plain or name.split(".", 1)[1] in ("weight", "bias")
            }  # fmt: skip
            setattr(self, kind, kept)

    return bent(_Row, collect=collect)


def zeroed_by_arrays(self):
    """for grad in self.grads.values(): grad[...] = 0"""
    for grad in self.grads.values():
        grad[...] = 0


def told_and_copied(self):
    self.each("zero_grad")
    self.grads = {name: grad.copy() for name, grad in self.grads.items()}


def forward_again(self, dout):
    """backward makes the forward anew."""
    _Row.forward(self, self.x)
    return _Row.backward(self, dout)


def forward_kept(self, x):
    self.x = x
    return _Row.forward(self, x)


def forward_twice(self, x):
    _Row.forward(self, x)
    return _Row.forward(self, x)


def dout_handed_through(self, dout):
    """for layer in reversed(self.layers): layer.backward(dout)"""
    for layer in self.layers[::-1]:
        layer.backward(dout)
    return dout


def x_handed_through(self, x):
    for layer in self.layers:
        layer.forward(x)
    return x


def by_text(layers):
    """self.layers[name] for name in sorted(self.layers): "10" before "2"."""
    return [layers[int(name)] for name in sorted(map(str, range(len(layers))))]


def row_by_text(*names):
    changed = {
        "forward": lambda self, x: _Row(by_text(self.layers)).forward(x),
        "backward": lambda self, dout: _Row(by_text(self.layers)).backward(dout),
    }
    return bent(_Row, **{name: changed[name] for name in names})


def row_in_dtype(dtype):
    return bent(
        _Row,
        forward=lambda self, x: _Row.forward(self, x).astype(dtype),
        backward=lambda self, dout: _Row.backward(self, dout).astype(dtype),
    )


SEQUENTIAL = Reference(
    answer=Sequential,
    like="torch.nn.Sequential",
    mistakes=(
        Mistake(
            "shared_by_all",
            "All your networks share one list or one dict. A class attribute, and the default of a parameter, "
            "exist only "
            "once for all objects. Make your own in __init__, with self.… = …",
            (shared_layers(), shared_dicts()),
            shows=names_out_of_nowhere,
        ),
        Mistake(
            "backward_in_forward_order",
            "Your backward starts at the first layer. dout belongs to the last one: go through the layers from last to "
            "first.",
            (
                backward_by(lambda layers: layers),
                backward_by(lambda layers: layers[1:] + layers[:1]),
                backward_by(lambda layers: sorted(layers[::-1], key=lambda one: not one.params)),
            ),
        ),
        Mistake(
            "dout_to_all",
            "Every layer gets the dout of the whole network. Each one's dx is the dout of the layer before it: "
            "dout = layer.backward(dout).",
            (bent(_Row, backward=dout_to_all), bent(_Row, backward=dout_handed_through)),
        ),
        Mistake(
            "x_to_all",
            "Every layer gets the network's input. Each one's output is the next one's input.",
            (bent(_Row, forward=x_to_all), bent(_Row, forward=x_handed_through)),
        ),
        Mistake(
            "no_dx",
            "backward returns None. A network is a layer, too, and returns dx: it may stand inside another network.",
            (bent(_Row, backward=without_dx),),
        ),
        Mistake(
            "first_layer_left_out",
            "The first layer's backward is never called. It has gradients, too, and its dx is the network's.",
            (bent(_Row, backward=first_layer_gives_none),),
        ),
        Mistake(
            "layers_skipped",
            "A layer is left out. Those without parameters change what goes through them, too, and the last one is a "
            "layer like the others.",
            (
                bent(_Row, backward=layers_with_parameters_only),
                backward_by(lambda layers: layers[-2::-1]),
                bent(_Row, forward=lambda self, x: _Row(self.layers[:-1]).forward(x)),
                bent(_Row, forward=lambda self, x: _Row(self.layers[1:]).forward(x)),
            ),
        ),
        Mistake(
            "no_layers",
            "Without layers your network fails. It has nothing to do then: forward returns x and backward "
            "returns dout.",
            (
                bent(_Row, forward=output_unbound),
                bent(_Row, forward=first_layer_apart),
                bent(_Row, forward=lambda self, x: _Row.forward(self, x) if self.layers else None),
            ),
        ),
        Mistake(
            "names_without_numbers",
            "Your names have no numbers, so two layers' weights have one name, and one of them is lost. "
            'The name is the place of the layer, a dot, and the layer\'s own name: "0.weight".',
            (
                names_by(lambda self, index, layer, name: name),
                names_by(lambda self, index, layer, name: f"{type(layer).__name__}.{name}"),
                bent(_Row, collect=nested_in_dicts),
            ),
        ),
        Mistake(
            "names_of_another_kind",
            'The names are not torch\'s. They begin at 0, and number and name are joined by a dot: "0.weight".',
            tuple(
                names_by(lambda self, index, layer, name, way=way: way.format(index=index, one=index + 1, name=name))
                for way in ("{one}.{name}", "{name}.{index}", "{index}_{name}", "{name}{index}", "layer{index}.{name}",
                            "layers.{index}.{name}", "{index}{name}", "{name}_{index}", "{name}_{one}")
            ),
        ),
        Mistake(
            "only_layers_with_parameters_counted",
            "You counted only the layers that have parameters. Every layer has its place: torch counts them all.",
            (names_by(names_by_count),),
        ),
        Mistake(
            "inner_names",
            "The names of a network inside a network are wrong. It gives its own names to its arrays already; "
            "yours put "
            'the place in front: "1." and "0.weight" give "1.0.weight".',
            (names_by(inner_names_cut), names_by(inner_names_joined)),
        ),
        Mistake(
            "params_are_copies",
            "params holds copies. An optimizer changes them in place, and the layers do not see it. Put the "
            "layers' own "
            "arrays into the dict.",
            (copied("params"), copied("params", "grads"), copied_at_each_look("params"),
             copied_at_each_look("params", "grads")),
        ),
        Mistake(
            "grads_are_copies",
            "grads holds copies. What the layers add to their gradients never arrives. Put the layers' own arrays into "
            "the dict.",
            (copied("grads"), copied_at_each_look("grads")),
        ),
        Mistake(
            "lists_for_dicts",
            "params and grads are dicts of arrays, by name: \"0.weight\".",
            (bent(_Row, collect=lists_of_dicts),),
        ),
        Mistake(
            "zero_grad_not_passed_on",
            "zero_grad does not reach every layer. Call zero_grad of each of them.",
            (
                bent(_Row, zero_grad=lambda self: None),
                bent(_Row, zero_grad=first_only("zero_grad")),
                bent(_Row, zero_grad=lambda self: self.grads.clear()),
                bent(_Row, zero_grad=plain_only("zero_grad")),
            ),
        ),
        Mistake(
            "zero_grad_by_new_arrays",
            "zero_grad puts new arrays into the network's grads. The layers do not know them and go on with their own. "
            "Call zero_grad of each layer, and leave the dict as it is.",
            (
                bent(_Row, zero_grad=own_zeros),
                bent(_Row, zero_grad=own_zeros_in_place),
                bent(_Row, zero_grad=told_and_copied),
            ),
        ),
        Mistake(
            "zero_grad_by_arrays",
            "zero_grad fills the arrays itself. A layer may have more to set back than can be seen from outside: call "
            "zero_grad of each layer.",
            (bent(_Row, zero_grad=zeroed_by_arrays),),
        ),
        Mistake(
            "mode_changed",
            "Your network changes the mode by itself, in forward, backward or zero_grad. Only train() and eval() do "
            "that.",
            tuple(
                calling(name, mode, first)
                for name, first in (("backward", False), ("zero_grad", False), ("forward", True), ("forward", False))
                for mode in ("train", "eval")
            ),
        ),
        Mistake(
            "mode_believed_known",
            "train or eval returns early, because the network believes to be in this mode already. A layer may have "
            "been put into another mode on its own: tell each layer, each time.",
            (only_if_new("train", "eval"), only_if_new("train")),
        ),
        Mistake(
            "layers_changed_when_put_in",
            "__init__ changes the layers: it sets their gradients or their mode. They may have been used before. Leave "
            "them as they are.",
            (when_made("zero_grad", "train"), when_made("zero_grad"), when_made("train"), when_made("eval")),
        ),
        Mistake(
            "names_guessed",
            'You look for "weight" and "bias" only. A layer may call its arrays otherwise: take all the names in its '
            "params.",
            (names_guessed(False), names_guessed(True)),
        ),
        Mistake(
            "forward_too_often",
            "Your network runs its layers forward once more than it is asked to. A layer that draws random numbers, as "
            "dropout, then works with other ones: one forward of each layer for each forward.",
            (
                bent(_Row, forward=forward_kept, backward=forward_again),
                bent(_Row, forward=forward_twice),
            ),
        ),
        Mistake(
            "sorted_as_text",
            'Your layers are sorted by name. As text, "10" comes before "2": keep the order of the list.',
            (row_by_text("forward", "backward"), row_by_text("backward"), row_by_text("forward")),
        ),
        Mistake(
            "mode_not_passed_on",
            "train and eval do not reach every layer. Some layers, as dropout, do otherwise in training: call train or "
            "eval of each layer, with parameters or without.",
            (
                bent(_Row, eval=noted_only(False), train=noted_only(True)),
                bent(_Row, eval=noted_only(False)),
                bent(_Row, train=noted_only(True)),
                bent(_Row, eval=with_parameters_only("eval"), train=with_parameters_only("train")),
                bent(_Row, eval=with_parameters_only("eval")),
                bent(_Row, eval=first_only("eval"), train=first_only("train")),
                bent(_Row, eval=first_only("eval")),
                bent(_Row, eval=plain_only("eval"), train=plain_only("train")),
                bent(_Row, eval=plain_only("eval")),
            ),
        ),
        Mistake(
            "modes_mixed_up",
            "train and eval do the same, or each other's work.",
            (
                bent(_Row, eval=turned_over, train=lambda self: self.each("eval")),
                bent(_Row, train=lambda self: self.each("eval")),
            ),
        ),
        Mistake(
            "list_changed",
            "You changed the list of layers. reverse and pop change the list itself, so that the next forward runs "
            "through other layers: reversed(self.layers) leaves it alone.",
            (
                bent(_Row, backward=list_reversed),
                bent(_Row, backward=takes_layers_away),
                bent(_Row, backward=reverse_gives_none),
            ),
        ),
        Mistake(
            "gradients_overwritten",
            "Your network sets the gradients back by itself. They add up until somebody calls zero_grad.",
            (
                bent(_Row, backward=cleared),
                calling("eval", "zero_grad"),
                calling("train", "zero_grad"),
                bent(_Row, forward=lambda self, x: self.zero_grad() or _Row.forward(self, x)),
            ),
        ),
        Mistake(
            "precision",
            "The dtype changed. The network hands on what its layers give: float32 stays float32.",
            (row_in_dtype(np.float64), row_in_dtype(np.float32)),
        ),
    ),
)  # fmt: skip

REFERENCES = {"Linear": LINEAR, "Conv2d": CONV2D, "Sequential": SEQUENTIAL}
