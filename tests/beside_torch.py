"""What the tests of labkit.layers share: a layer and torch's, run on the same numbers, and how far apart they are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from labkit import layers as ours

EPS32 = float(np.finfo(np.float32).eps)


@dataclass
class Pair:
    """`make(dtype)` gives labkit's layer, `torch_layer()` torch's; `shape` is the input's."""

    make: Callable
    torch_layer: Callable
    shape: tuple[int, ...]
    ties: bool = False  # inputs of few values, many of them equal

    def __repr__(self):
        return f"{self.torch_layer()} on {self.shape}"


sizes = st.integers(1, 6)


@st.composite
def linear(draw):
    n, d, k, bias, seed = draw(st.tuples(sizes, sizes, sizes, st.booleans(), st.integers(0, 99)))
    return Pair(
        lambda dtype: ours.Linear(d, k, bias, rng=np.random.default_rng(seed), dtype=dtype),
        lambda: torch.nn.Linear(d, k, bias),
        (n, d),
    )


@st.composite
def conv2d(draw):
    n, c, f = draw(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    least = [max(1, k - 2 * p) for k, p in zip(kernel, padding, strict=True)]
    h, w = (draw(st.integers(low, low + 5)) for low in least)
    bias, seed = draw(st.booleans()), draw(st.integers(0, 99))
    return Pair(
        lambda dtype: ours.Conv2d(c, f, kernel, stride, padding, bias, rng=np.random.default_rng(seed), dtype=dtype),
        lambda: torch.nn.Conv2d(c, f, kernel, stride, padding, bias=bias),
        (n, c, h, w),
    )


@st.composite
def pool2d(draw, kind):
    n, c = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    h, w = (draw(st.integers(k, k + 6)) for k in kernel)
    return Pair(
        lambda dtype: getattr(ours, kind)(kernel, stride),
        lambda: getattr(torch.nn, kind)(kernel, stride),
        (n, c, h, w),
        ties=draw(st.booleans()),
    )


@st.composite
def batch_norm(draw, kind, *extra_axes):
    n, c = draw(st.tuples(st.integers(4, 7), sizes))
    eps, momentum = draw(st.sampled_from([1e-5, 1e-3, 0.1])), draw(st.sampled_from([0.1, 0.99, 0.5, 1.0]))
    seed = draw(st.integers(0, 99))

    def make(dtype):
        layer = getattr(ours, kind)(c, eps, momentum, dtype=dtype)
        rng = np.random.default_rng(seed)
        for array in layer.params.values():
            array[...] = rng.uniform(-2, 2, array.shape)
        return layer

    return Pair(make, lambda: getattr(torch.nn, kind)(c, eps, momentum), (n, c, *(draw(sizes) for _ in extra_axes)))


def elementwise(kind, *values):
    @st.composite
    def pair(draw):
        settings = [draw(value) for value in values]
        shape = tuple(draw(st.lists(sizes, min_size=2, max_size=4)))
        return Pair(
            lambda dtype: getattr(ours, kind)(*settings),
            lambda: getattr(torch.nn, kind)(*settings),
            shape,
            ties=draw(st.booleans()),
        )

    return pair()


@st.composite
def softmax(draw, kind):
    shape = tuple(draw(st.lists(sizes, min_size=2, max_size=4)))
    return Pair(lambda dtype: getattr(ours, kind)(), lambda: getattr(torch.nn, kind)(dim=1), shape)


PAIRS = {
    "Linear": linear(),
    "Conv2d": conv2d(),
    "MaxPool2d": pool2d("MaxPool2d"),
    "AvgPool2d": pool2d("AvgPool2d"),
    "BatchNorm1d": batch_norm("BatchNorm1d"),
    "BatchNorm1d of sequences": batch_norm("BatchNorm1d", "L"),
    "BatchNorm2d": batch_norm("BatchNorm2d", "H", "W"),
    "ReLU": elementwise("ReLU"),
    "LeakyReLU": elementwise("LeakyReLU", st.sampled_from([0.01, 0.0, -0.5, 1.5, 1.0])),
    "Sigmoid": elementwise("Sigmoid"),
    "Tanh": elementwise("Tanh"),
    "Softmax": softmax("Softmax"),
    "LogSoftmax": softmax("LogSoftmax"),
    "Flatten": elementwise("Flatten"),
}


def laid_out(x: np.ndarray, how: str) -> np.ndarray:
    """The same numbers in another memory order or with gaps."""
    if how == "channels first":  # (C, H, N, W) in memory, or the like with fewer axes
        order = [1, 2, 0, 3] if x.ndim == 4 else list(range(1, x.ndim)) + [0]
        return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    if how == "batch last":
        return np.ascontiguousarray(np.moveaxis(x, 0, -1)).transpose(x.ndim - 1, *range(x.ndim - 1))
    if how == "Fortran":
        return np.asfortranarray(x)
    if how == "gaps":
        roomy = np.full([2 * size for size in x.shape], np.nan, x.dtype)
        view = roomy[tuple(slice(None, None, 2) for _ in x.shape)]
        view[...] = x
        return view
    if how == "backwards":
        return np.ascontiguousarray(np.flip(x))[tuple(slice(None, None, -1) for _ in x.shape)]
    return np.ascontiguousarray(x)


LAYOUTS = ["plain", "channels first", "batch last", "Fortran", "gaps", "backwards"]


def numbers(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """Inputs in float32's grid, so that float32 and float64 start from the same numbers."""
    if pair.ties:
        return rng.integers(-2, 3, pair.shape).astype(np.float32)
    return (rng.standard_normal(pair.shape) * rng.choice([0.5, 1, 4]) + 0.3).astype(np.float32)


def run_ours(layer, inputs, douts):
    """Every array a layer gives over some steps: outputs, dx, summed gradients, running statistics."""
    seen = {}
    for step, (x, dout) in enumerate(zip(inputs, douts, strict=True)):
        seen[f"out {step}"] = layer.forward(x).copy()
        seen[f"dx {step}"] = layer.backward(dout).copy()
    seen |= {f"d{name}": grad.copy() for name, grad in layer.grads.items()}
    return seen | {name: array.copy() for name, array in layer.buffers.items()}


def run_torch(module, inputs, douts):
    seen = {}
    for step, (x, dout) in enumerate(zip(inputs, douts, strict=True)):
        x = torch.tensor(np.ascontiguousarray(x), requires_grad=True)
        out = module(x)
        out.backward(torch.tensor(np.ascontiguousarray(dout)))
        seen[f"out {step}"], seen[f"dx {step}"] = out.detach().numpy(), x.grad.numpy()
    seen |= {f"d{name}": param.grad.numpy() for name, param in module.named_parameters()}
    return seen | {name: buffer.numpy() for name, buffer in module.named_buffers()}


def twin(module: torch.nn.Module, layer, dtype=torch.float64) -> torch.nn.Module:
    """torch's layer with the state of ours: `strict`, so names and shapes must be torch's."""
    module = module.to(dtype)
    module.load_state_dict({name: torch.tensor(array) for name, array in layer.state_dict().items()}, strict=True)
    return module.train(layer.training)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """|a − b| / |b| by norm; 0 for two zeros."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    gap = np.linalg.norm(a - b)
    return gap / np.linalg.norm(b) if gap else 0.0
