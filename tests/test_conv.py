"""Conv2d, MaxPool2d and AvgPool2d beside torch, on random shapes, strides, paddings and memory orders."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from labkit.layers import AvgPool2d, Conv2d, MaxPool2d, conv, recycle

pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
orders = st.permutations(range(4))
seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=100, deadline=None)


def in_order(x, order):
    """The same array with its axes laid out in memory in another order."""
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def torch_conv(x, dout, params, stride, padding, dtype=torch.float64):
    """out, dx, dweight, dbias by torch, as float64."""
    tensors = [torch.tensor(array, dtype=dtype, requires_grad=True) for array in (x, *params.values())]
    out = F.conv2d(*tensors, stride=stride, padding=padding) if len(tensors) == 3 else F.conv2d(
        *tensors, None, stride, padding
    )
    out.backward(torch.tensor(dout, dtype=dtype))
    return [out.detach().double().numpy(), *(tensor.grad.double().numpy() for tensor in tensors)]


def run(layer, x, dout):
    layer.zero_grad()
    out = layer.forward(x)
    dx = layer.backward(dout)
    return [out, dx, *layer.grads.values()]


def distance(actual, expected):
    """Largest difference, by the size of the largest entry."""
    return float(np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-300))


def assert_equal(actual, expected):
    for name, ours, theirs in zip(("out", "dx", "dweight", "dbias"), actual, expected, strict=False):
        assert ours.shape == theirs.shape, name
        assert np.allclose(ours, theirs, rtol=1e-10, atol=1e-10 * max(1, np.abs(theirs).max())), name


@st.composite
def convolutions(draw):
    kernel, stride = draw(pair), draw(pair)
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    room = [max(1, size - 2 * pad) for size, pad in zip(kernel, padding, strict=True)]
    height, width = (draw(st.integers(least, least + 8)) for least in room)
    batch, channels, filters = (draw(st.integers(1, 4)) for _ in range(3))
    return (batch, channels, height, width), filters, kernel, stride, padding


@many
@given(convolutions(), st.booleans(), orders, orders, seeds)
def test_conv_equals_torch(convolution, bias, x_order, dout_order, seed):
    """Every shape, stride and padding, height unlike width; rows no window touched get gradient 0."""
    shape, filters, kernel, stride, padding = convolution
    rng = np.random.default_rng(seed)
    layer = Conv2d(shape[1], filters, kernel, stride, padding, bias, rng=rng, dtype=np.float64)
    for batch in (shape[0], shape[0], shape[0] + 1):  # the layer's own arrays: new, used again, of another size
        x = in_order(rng.standard_normal((batch, *shape[1:])), x_order)
        out_shape = layer.forward(x).shape
        dout = in_order(rng.standard_normal(out_shape), dout_order)
        before = x.copy(), dout.copy()
        assert_equal(run(layer, x, dout), torch_conv(x, dout, layer.params, stride, padding))
        assert np.array_equal(x, before[0]) and np.array_equal(dout, before[1])


@pytest.mark.parametrize(("stride", "padding", "kernel"), [(1, 0, 1), (1, 2, 5), (2, 1, 3), (3, 0, 2)])
def test_conv_takes_ints(stride, padding, kernel):
    rng = np.random.default_rng(0)
    layer = Conv2d(2, 3, kernel, stride, padding, rng=rng, dtype=np.float64)
    x = rng.standard_normal((3, 2, 9, 11))
    dout = rng.standard_normal(layer.forward(x).shape)
    assert_equal(run(layer, x, dout), torch_conv(x, dout, layer.params, stride, padding))


@pytest.mark.parametrize("block", [1, 500, 10**9])
def test_conv_in_blocks_of_any_size(block, monkeypatch):
    """dx is made row by row, in blocks of rows that do not divide the height, and in one."""
    monkeypatch.setattr(conv, "BLOCK", block)
    rng = np.random.default_rng(1)
    for stride, padding in itertools.product((1, (2, 3), (5, 1)), (0, (1, 2))):
        layer = Conv2d(2, 3, (3, 2), stride, padding, rng=rng, dtype=np.float64)
        x = rng.standard_normal((2, 2, 11, 9))
        dout = rng.standard_normal(layer.forward(x).shape)
        assert_equal(run(layer, x, dout), torch_conv(x, dout, layer.params, stride, padding))


def test_conv_takes_views_with_steps_and_repeats():
    rng = np.random.default_rng(2)
    layer = Conv2d(2, 3, 3, rng=rng, dtype=np.float64)
    x = rng.standard_normal((4, 4, 9, 16))[::-1, ::2, ::-1, ::2]
    dout = np.broadcast_to(rng.standard_normal((1, 3, 1, 6)), (4, 3, 7, 6))
    assert_equal(run(layer, x, dout), torch_conv(x.copy(), dout.copy(), layer.params, 1, 0))


@pytest.mark.parametrize("shape", [(64, 1, 28, 28), (32, 8, 12, 12), (16, 3, 13, 17)])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(5, 1, 0), (3, 1, 1), (3, 2, 1), (1, 1, 0)])
def test_conv_float32_is_as_exact_as_torchs(shape, kernel, stride, padding):
    rng = np.random.default_rng(3)
    layer = Conv2d(shape[1], 8, kernel, stride, padding, rng=rng)
    x = rng.standard_normal(shape, dtype=np.float32)
    dout = rng.standard_normal(layer.forward(x).shape, dtype=np.float32)
    actual = run(layer, x, dout)
    assert all(array.dtype == np.float32 for array in actual)
    true = torch_conv(x, dout, layer.params, stride, padding)
    theirs = torch_conv(x, dout, layer.params, stride, padding, torch.float32)
    for name, ours, their, exact in zip(("out", "dx", "dweight", "dbias"), actual, theirs, true, strict=True):
        assert np.linalg.norm(ours - exact) <= 3 * np.linalg.norm(their - exact) + 1e-12, name


def test_conv_gradients_add_up():
    rng = np.random.default_rng(4)
    layer = Conv2d(2, 3, 3, rng=rng, dtype=np.float64)
    x, dout = rng.standard_normal((2, 2, 6, 5)), rng.standard_normal((2, 3, 4, 3))
    layer.forward(x)
    layer.backward(dout)
    once = {name: grad.copy() for name, grad in layer.grads.items()}
    layer.forward(x)
    assert layer.backward(dout, input_gradient=False) is None
    for name, grad in layer.grads.items():
        assert np.allclose(grad, 2 * once[name], rtol=1e-12)


@st.composite
def poolings(draw):
    kernel, stride = draw(pair), draw(st.one_of(pair, st.none()))
    height, width = (draw(st.integers(size, size + 7)) for size in kernel)
    return (draw(st.integers(1, 4)), draw(st.integers(1, 3)), height, width), kernel, stride


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@many
@given(pooling=poolings(), ties=st.booleans(), x_order=orders, dout_order=orders, seed=seeds)
def test_max_pool_equals_torch(dtype, pooling, ties, x_order, dout_order, seed):
    """With ties on purpose: the first of the largest in row order gets the gradient. Overlapping windows too."""
    shape, kernel, stride = pooling
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-1, 2, shape) if ties else rng.standard_normal(shape)
    x = in_order(numbers.astype(dtype), x_order)
    compare_pooling(MaxPool2d(kernel, stride), F.max_pool2d, x, kernel, stride, dout_order, rng)


@many
@given(poolings(), orders, orders, seeds)
def test_avg_pool_equals_torch(pooling, x_order, dout_order, seed):
    shape, kernel, stride = pooling
    rng = np.random.default_rng(seed)
    x = in_order(rng.standard_normal(shape), x_order)
    compare_pooling(AvgPool2d(kernel, stride), F.avg_pool2d, x, kernel, stride, dout_order, rng)


def compare_pooling(layer, reference, x, kernel, stride, dout_order, rng):
    tensor = torch.tensor(x.copy(), requires_grad=True)
    expected = reference(tensor, kernel, stride)
    out = layer.forward(x)
    dout = in_order(rng.standard_normal(out.shape).astype(x.dtype), dout_order)
    before = x.copy(), dout.copy()
    expected.backward(torch.tensor(dout.copy()))
    dx = layer.backward(dout)
    assert out.dtype == dx.dtype == x.dtype
    tolerance = 1e-10 if x.dtype == np.float64 else 1e-5
    for ours, theirs in ((out, expected.detach().numpy()), (dx, tensor.grad.numpy())):
        assert ours.shape == theirs.shape
        assert np.allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    assert np.array_equal(x, before[0]) and np.array_equal(dout, before[1])


def test_max_pool_of_minus_zero_and_infinities():
    """0 and −0 are equal, so the first of them wins; an infinite gradient stays where it belongs."""
    x = np.array([[[[-0.0, 0.0], [0.0, -0.0]], [[-np.inf, -np.inf], [-np.inf, -np.inf]]]])
    layer = MaxPool2d(2)
    layer.forward(x)
    dx = layer.backward(np.array([[[[np.inf]], [[2.0]]]]))
    assert dx.tolist() == [[[[np.inf, 0], [0, 0]], [[2, 0], [0, 0]]]]


def test_average_pool_float32_is_as_exact_as_torchs():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((16, 8, 24, 24), dtype=np.float32)
    ours = AvgPool2d(3, 2).forward(x)
    exact = F.avg_pool2d(torch.from_numpy(x).double(), 3, 2).numpy()
    theirs = F.avg_pool2d(torch.from_numpy(x), 3, 2).numpy()
    assert distance(ours, exact) <= 3 * distance(theirs, exact)


@pytest.mark.parametrize("make", [lambda rng: Conv2d(2, 3, 3, rng=rng), lambda rng: MaxPool2d(2), lambda rng: AvgPool2d(2)])
def test_an_empty_batch_is_empty(make):
    layer = make(np.random.default_rng(0))
    x = np.empty((0, 2, 6, 8), np.float32)
    out = layer.forward(x)
    assert len(out) == 0
    assert layer.backward(out).shape == x.shape


@pytest.mark.parametrize(
    ("layer", "shape", "says"),
    [
        (lambda rng: Conv2d(3, 4, 3, rng=rng), (2, 1, 8, 8), r"\(2, 1, 8, 8\).*\(N, 3, H, W\)"),
        (lambda rng: Conv2d(3, 4, 3, rng=rng), (3, 8, 8), r"\(3, 8, 8\).*\(N, 3, H, W\)"),
        (lambda rng: Conv2d(1, 4, (3, 9), padding=1, rng=rng), (2, 1, 8, 6), r"\(2, 1, 8, 6\).*\(3, 9\)"),
        (lambda rng: MaxPool2d((2, 5)), (2, 1, 8, 4), r"\(2, 1, 8, 4\).*\(2, 5\)"),
        (lambda rng: AvgPool2d(3), (8, 4), r"\(8, 4\).*\(N, C, H, W\)"),
    ],
)
def test_images_that_do_not_fit_are_named(layer, shape, says):
    with pytest.raises(ValueError, match=says):
        layer(np.random.default_rng(0)).forward(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Conv2d(1, 2, 0, rng=np.random.default_rng(0)), "kernel_size is 0"),
        (lambda: Conv2d(1, 2, (3, 3, 3), rng=np.random.default_rng(0)), r"kernel_size is \(3, 3, 3\)"),
        (lambda: Conv2d(1, 2, 3, stride=0, rng=np.random.default_rng(0)), "stride is 0"),
        (lambda: Conv2d(1, 2, 3, padding=-1, rng=np.random.default_rng(0)), "padding is -1"),
        (lambda: Conv2d(1, 2, 3, padding="same", rng=np.random.default_rng(0)), "padding is 'same'"),
        (lambda: Conv2d(0, 2, 3, rng=np.random.default_rng(0)), "in_channels is 0"),
        (lambda: Conv2d(1, 2, 3, rng=3), "rng is 3"),
        (lambda: MaxPool2d(2.0), "kernel_size is 2.0"),
        (lambda: AvgPool2d(2, (1, 0)), r"stride is \(1, 0\)"),
    ],
)
def test_settings_that_make_no_sense_are_named(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(("channels", "kernel", "stride", "padding"), [(1, 5, 1, 0), (8, 5, 1, 2), (4, 3, 2, 1), (3, 1, 1, 0)])
def test_conv_needs_the_memory_it_says(channels, kernel, stride, padding):
    """The peak of forward and backward together against the sum in Conv2d's docstring."""
    recycle.release()
    rng = np.random.default_rng(6)
    layer = Conv2d(channels, 6, kernel, stride, padding, rng=rng)
    x = rng.standard_normal((128, channels, 28, 28), dtype=np.float32)
    dout = rng.standard_normal(layer.forward(x).shape, dtype=np.float32)
    layer = Conv2d(channels, 6, kernel, stride, padding, rng=rng)
    recycle.release()
    N, C, H, _ = x.shape
    OW = dout.shape[3]
    u = N * C * (H + 2 * padding) * kernel * OW
    block = max(conv.BLOCK, C * kernel * OW * N)
    entries = u + 2 * dout.size + x.size + block  # u, out and the copy of dout, dx, a block
    tracemalloc.start()
    try:
        out = layer.forward(x)
        dx = layer.backward(dout)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert out.shape == dout.shape and dx.shape == x.shape
    assert peak <= 4 * entries * 1.02 + 300_000, f"{peak:,} bytes, {4 * entries:,} stated"


def test_arrays_somebody_holds_are_not_used_again():
    """Results of earlier steps stay what they were, also through views; freed memory is given again."""
    recycle.release()
    rng = np.random.default_rng(7)
    layer, pool = Conv2d(1, 8, 3, rng=rng), MaxPool2d(2)
    held = []
    for _ in range(4):
        x = rng.standard_normal((64, 1, 28, 28), dtype=np.float32)
        out = layer.forward(x)
        pooled = pool.forward(out)
        dout = pool.backward(np.ones_like(pooled))
        dx = layer.backward(dout)
        for array in (out[::2, 1], pooled.reshape(64, -1)[3], dout.T, dx[5, 0, 2:]):
            held.append((array, array.copy()))
        del out, pooled, dout, dx
    for array, copy in held:
        assert np.array_equal(array, copy)


def test_freed_memory_is_given_again():
    recycle.release()
    first = recycle.empty((400, 100), np.float32)
    address = first.ctypes.data
    part = first[3:5]
    del first
    second = recycle.empty((100, 400), np.float32)
    assert not np.shares_memory(second, part)
    del part
    assert recycle.empty((200, 100), np.float64).ctypes.data != second.ctypes.data
    assert recycle.empty((100, 200), np.float64).ctypes.data == address
