"""Every layer beside torch's: forward, gradients, running statistics; in all memory orders; in the wrong order."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from beside_torch import EPS32, LAYOUTS, PAIRS, distance, laid_out, numbers, run_ours, run_torch, twin
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit import layers as ours
from labkit.layers.loss import Loss

few = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


pytestmark = pytest.mark.usefixtures("torch_on_one_thread")


def drawn(data, kind):
    """A pair of layers and inputs for two steps, in float32's numbers."""
    pair = data.draw(PAIRS[kind], label="layers")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31), label="seed"))
    inputs = [numbers(pair, rng) for _ in range(2)]
    with torch.no_grad():
        out = pair.torch_layer()(torch.tensor(inputs[0]))
    douts = [rng.standard_normal(tuple(out.shape)).astype(np.float32) for _ in range(2)]
    return pair, inputs, douts


def as_dtype(arrays, dtype):
    return [array.astype(dtype) for array in arrays]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", PAIRS)
@few
@given(data=st.data())
def test_float64_equals_torch_in_any_memory_order(kind, training, data):
    pair, inputs, douts = drawn(data, kind)
    layer = pair.make(np.float64)
    layer.train() if training else layer.eval()
    for name, array in layer.buffers.items():
        array[...] = 3 if name == "num_batches_tracked" else np.linspace(0.5, 2, array.size)
    module = twin(pair.torch_layer(), layer)
    inputs, douts = as_dtype(inputs, np.float64), as_dtype(douts, np.float64)
    expected = run_torch(module, inputs, douts)
    how_x, how_dout = data.draw(st.sampled_from(LAYOUTS)), data.draw(st.sampled_from(LAYOUTS))
    laid_inputs = [laid_out(x, how_x) for x in inputs]
    laid_douts = [laid_out(dout, how_dout) for dout in douts]
    actual = run_ours(layer, laid_inputs, laid_douts)

    assert actual.keys() == expected.keys()
    for name in expected:
        assert actual[name].dtype == expected[name].dtype, name
        size = np.abs(expected[name]).max(initial=0)
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-10, atol=1e-10 * size, err_msg=name)
    for before, after in zip(inputs + douts, laid_inputs + laid_douts, strict=True):
        np.testing.assert_array_equal(before, after, err_msg="an input was written to")


@pytest.mark.parametrize("kind", PAIRS)
@few
@given(data=st.data())
def test_float32_is_as_near_to_the_truth_as_torch(kind, data):
    pair, inputs, douts = drawn(data, kind)
    layer = pair.make(np.float32)
    module = twin(pair.torch_layer(), layer, torch.float32)
    exact_module = twin(pair.torch_layer(), layer)
    actual = run_ours(layer, inputs, douts)
    beside = run_torch(module, inputs, douts)
    exact = run_torch(exact_module, as_dtype(inputs, np.float64), as_dtype(douts, np.float64))
    for name in exact:
        assert actual[name].dtype == beside[name].dtype, name
        bound = 3 * max(distance(beside[name], exact[name]), EPS32)
        assert distance(actual[name], exact[name]) <= bound, name


@pytest.mark.parametrize("kind", ["BatchNorm2d", "Conv2d", "Linear", "MaxPool2d"])
@pytest.mark.parametrize("how", ["plain", "batch last"])
def test_float32_keeps_its_digits_on_many_numbers(kind, how):
    rng = np.random.default_rng(5)
    layer, module, shape = {
        "BatchNorm2d": (ours.BatchNorm2d(3), torch.nn.BatchNorm2d(3), (64, 3, 28, 28)),
        "Conv2d": (ours.Conv2d(3, 4, 5, rng=rng), torch.nn.Conv2d(3, 4, 5), (64, 3, 28, 28)),
        "Linear": (ours.Linear(800, 10, rng=rng), torch.nn.Linear(800, 10), (1024, 800)),
        "MaxPool2d": (ours.MaxPool2d(2), torch.nn.MaxPool2d(2), (64, 3, 28, 28)),
    }[kind]
    x = rng.standard_normal(shape).astype(np.float32) + np.float32(2)
    dout = rng.standard_normal(module(torch.tensor(x[:2])).shape[1:]).astype(np.float32)
    dout = np.ascontiguousarray(np.broadcast_to(dout, (len(x), *dout.shape))) + np.float32(0.1)
    exact_module, module = twin(copy.deepcopy(module), layer), twin(module, layer, torch.float32)
    exact = run_torch(exact_module, [x.astype(np.float64)], [dout.astype(np.float64)])
    beside = run_torch(module, [x], [dout])
    actual = run_ours(layer, [laid_out(x, how)], [laid_out(dout, how)])
    for name in exact:
        bound = 3 * max(distance(beside[name], exact[name]), EPS32)
        assert distance(actual[name], exact[name]) <= bound, name


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", PAIRS)
@settings(parent=few, max_examples=5)
@given(data=st.data())
def test_gradients_equal_slopes_measured(kind, training, data):
    """A second witness: the slope along a random direction, by central differences."""
    pair, (x, _), (dout, _) = drawn(data, kind)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    layer = pair.make(np.float64)
    layer.train() if training else layer.eval()
    x, dout = rng.standard_normal(x.shape), dout.astype(np.float64)
    layer.forward(x)
    gradients = {"x": layer.backward(dout), **{name: grad.copy() for name, grad in layer.grads.items()}}
    places = {"x": x, **layer.params}
    h = 1e-6
    for name, place in places.items():
        direction = rng.standard_normal(place.shape)
        values, kept = [], place.copy()
        for sign in (1, -1):
            place[...] = kept + sign * h * direction
            values.append((layer.forward(x) * dout).sum())
        place[...] = kept
        measured = (values[0] - values[1]) / (2 * h)
        scale = np.abs(gradients[name] * direction).sum() + np.abs(values).sum()
        assert abs((gradients[name] * direction).sum() - measured) <= 1e-6 * scale, name


def test_extreme_numbers_are_quiet_and_right():
    x = np.array([[-1e4, -90.0, 0.0, 90.0, 1e4]])
    dout = np.array([[1.0, -2.0, 3.0, -1.0, 0.5]])
    for dtype in (np.float32, np.float64):
        for kind in ("Sigmoid", "Tanh", "Softmax", "LogSoftmax", "ReLU"):
            module = getattr(torch.nn, kind)(**({"dim": 1} if "oftmax" in kind else {}))
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                actual = run_ours(getattr(ours, kind)(), [x.astype(dtype)], [dout.astype(dtype)])
            for name, expected in run_torch(module, [x.astype(dtype)], [dout.astype(dtype)]).items():
                np.testing.assert_allclose(actual[name], expected, rtol=1e-5, atol=1e-37, err_msg=f"{kind} {name}")


@pytest.mark.parametrize("how_dout", ["plain", "batch last"])
@pytest.mark.parametrize("how", LAYOUTS)
@pytest.mark.parametrize("shape", [(32, 3, 20, 18), (40, 2, 3, 7), (3000, 2, 2, 3)])
def test_batch_norm_of_many_numbers_equals_torch_in_any_memory_order(shape, how, how_dout):
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal(shape) + np.arange(1, shape[1] + 1)[:, None, None], rng.standard_normal(shape)
    layer = ours.BatchNorm2d(shape[1], dtype=np.float64)
    expected = run_torch(twin(torch.nn.BatchNorm2d(shape[1]), layer), [x], [dout])
    actual = run_ours(layer, [laid_out(x, how)], [laid_out(dout, how_dout)])
    for name in expected:
        assert distance(actual[name], expected[name]) <= 1e-10, name


def test_gradients_add_up_until_zero_grad_and_keep_their_identity():
    rng = np.random.default_rng(1)
    for layer, shape in ((ours.Linear(4, 3, rng=rng, dtype=float), (5, 4)), (ours.BatchNorm1d(4, dtype=float), (5, 4))):
        grads = dict(layer.grads)
        x = rng.standard_normal(shape)
        dout = rng.standard_normal(layer.forward(x).shape)
        layer.backward(dout)
        once = {name: grad.copy() for name, grad in grads.items()}
        layer.forward(x)
        layer.backward(dout)
        for name, grad in layer.grads.items():
            assert grad is grads[name]
            np.testing.assert_allclose(grad, 2 * once[name], rtol=1e-12)
        layer.zero_grad()
        assert not any(grad.any() for grad in grads.values())


def test_a_gradient_written_by_hand_is_kept():
    rng = np.random.default_rng(1)
    layer = ours.Linear(4, 3, rng=rng, dtype=float)
    x, dout = rng.standard_normal((5, 4)), rng.standard_normal((5, 3))
    layer.zero_grad()
    layer.grads["weight"][2, 3] = 7
    layer.forward(x)
    layer.backward(dout)
    expected = dout.T @ x
    expected[2, 3] += 7
    np.testing.assert_allclose(layer.grads["weight"], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", PAIRS)
def test_without_input_gradient_the_rest_is_the_same(kind):
    @settings(parent=few, max_examples=3)
    @given(data=st.data())
    def run(data):
        pair, (x, _), (dout, _) = drawn(data, kind)
        layer, other = pair.make(np.float32), pair.make(np.float32)
        layer.forward(x)
        other.forward(x)
        layer.backward(dout)
        assert other.backward(dout, input_gradient=False) is None
        for name in layer.grads:
            np.testing.assert_array_equal(layer.grads[name], other.grads[name])

    run()


def test_dropout_zeros_a_share_and_scales_the_rest():
    x = np.random.default_rng(0).uniform(1, 2, (40, 5, 10, 10)).astype(np.float32)
    dout = np.random.default_rng(1).uniform(1, 2, x.shape).astype(np.float32)
    for p in (0.0, 0.3, 0.8, 1.0):
        layer = ours.Dropout(p, rng=np.random.default_rng(2))
        out = layer.forward(x)
        dropped = out == 0
        assert abs(dropped.mean() - p) < 0.02
        scale = 1 / (1 - p) if p < 1 else 0
        np.testing.assert_allclose(out, np.where(dropped, 0, x * scale), rtol=1e-6)
        np.testing.assert_allclose(layer.backward(dout), np.where(dropped, 0, dout * scale), rtol=1e-6)
        again = ours.Dropout(p, rng=np.random.default_rng(2))
        np.testing.assert_array_equal(again.forward(laid_out(x, "channels first")), out)
        layer.eval()
        np.testing.assert_array_equal(layer.forward(x), x)
        np.testing.assert_array_equal(layer.backward(dout), dout)
    layer = ours.Dropout(0.5, rng=np.random.default_rng(2))
    assert not np.array_equal(layer.forward(x), layer.forward(x))


def test_initial_weights_are_distributed_like_torch():
    rng = np.random.default_rng(0)
    for layer, module in (
        (ours.Linear(300, 200, rng=rng), torch.nn.Linear(300, 200)),
        (ours.Conv2d(8, 200, (3, 5), rng=rng), torch.nn.Conv2d(8, 200, (3, 5))),
    ):
        for name, array in layer.params.items():
            expected = module.state_dict()[name].numpy()
            assert array.shape == expected.shape and array.dtype == np.float32
            bound = np.abs(expected).max()
            assert 0.9 * bound < np.abs(array).max() < 1.1 * bound
            assert abs(array.std() / expected.std() - 1) < 0.15
    first = ours.Linear(3, 2, rng=np.random.default_rng(4)).params["weight"]
    np.testing.assert_array_equal(first, ours.Linear(3, 2, rng=np.random.default_rng(4)).params["weight"])


# Losses


@pytest.mark.parametrize("label_dtype", [np.int64, np.uint8, np.int32])
@few
@given(n=st.integers(1, 8), k=st.integers(1, 7), seed=st.integers(0, 999), scale=st.sampled_from([1, 30, 1000]))
def test_cross_entropy_equals_torch(label_dtype, n, k, seed, scale):
    rng = np.random.default_rng(seed)
    z, labels = scale * rng.standard_normal((n, k)), rng.integers(0, k, n).astype(label_dtype)
    compare_loss(ours.CrossEntropyLoss(), torch.nn.CrossEntropyLoss(), z, labels, labels.astype(np.int64))


@few
@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=2),
    seed=st.integers(0, 999),
    scale=st.sampled_from([1, 1000]),
)
def test_bce_with_logits_equals_torch(shape, seed, scale):
    rng = np.random.default_rng(seed)
    z, soft = scale * rng.standard_normal(shape), rng.uniform(0, 1, shape)
    hard = rng.integers(0, 2, shape).astype(np.uint8)
    compare_loss(ours.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss(), z, soft, soft)
    compare_loss(ours.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss(), z, hard, hard.astype(np.float64))


def compare_loss(loss: Loss, module, z, labels, torch_labels):
    tensor = torch.tensor(z, requires_grad=True)
    expected = module(tensor, torch.tensor(torch_labels))
    expected.backward()
    value, dlogits = loss(z, labels)
    assert isinstance(value, float) and dlogits.dtype == z.dtype
    np.testing.assert_allclose(value, expected.item(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dlogits, tensor.grad.numpy(), rtol=1e-10, atol=1e-10 / z.size)
    assert loss.forward(z, labels) == value
    np.testing.assert_array_equal(loss.backward(), dlogits)

    z32 = z.astype(np.float32)
    targets32 = labels.astype(np.float32) if labels.dtype == np.float64 else labels
    value32, dlogits32 = loss(z32, targets32)
    assert dlogits32.dtype == np.float32
    np.testing.assert_allclose(value32, value, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dlogits32, dlogits, rtol=1e-4, atol=1e-6)


def test_a_loss_says_what_does_not_fit():
    z = np.zeros((3, 4), np.float32)
    ce, bce = ours.CrossEntropyLoss(), ours.BCEWithLogitsLoss()
    for call, words in (
        (lambda: ce(z, np.array([0, 1])), r"labels have shape \(2,\), expected \(3,\)"),
        (lambda: ce(z, np.array([0, 1, 4])), "run from 0 to 4, expected 0 … 3"),
        (lambda: ce(z, np.array([0, -1, 2])), "run from -1 to 2"),
        (lambda: ce(z, np.array([0.0, 1.0, 2.0])), "whole numbers"),
        (lambda: ce(z[0], np.array([0])), r"expected \(N, K\)"),
        (lambda: ce(z.astype(int), np.array([0, 1, 2])), "int64"),
        (lambda: ce(z[:0], np.zeros(0, int)), "no sample"),
        (lambda: bce(z, np.zeros(3)), "targets have shape"),
        (lambda: bce(z, np.full((3, 4), 2)), "expected 0 … 1"),
        (lambda: bce(z, np.zeros((3, 4))), "float64, expected whole numbers or float32"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
        with pytest.raises(RuntimeError, match="before forward"):
            (ce if "cross" in words else bce).backward()


# Wrong order, wrong input


@pytest.mark.parametrize("kind", PAIRS)
@settings(parent=few, max_examples=4)
@given(data=st.data())
def test_the_wrong_order_says_so(kind, data):
    pair, (x, other), (dout, _) = drawn(data, kind)
    layer = pair.make(np.float32)
    name = type(layer).__name__
    with pytest.raises(RuntimeError, match=f"{name}.*before forward"):
        layer.backward(dout)
    layer.forward(x)
    layer.backward(dout)
    with pytest.raises(RuntimeError, match=f"{name}.*second time"):
        layer.backward(dout)
    layer.forward(x)
    x += 1
    with pytest.raises(RuntimeError, match=f"{name}.*x was changed"):
        layer.backward(dout)
    layer.forward(other)
    with pytest.raises(ValueError, match=f"{name}.*dout has shape"):
        layer.backward(dout[..., None])
    with pytest.raises(ValueError, match=f"{name}.*float64.*expected shape.*float32"):
        layer.backward(dout.astype(np.float64))
    with pytest.raises(ValueError, match=f"{name}.*list"):
        layer.backward(dout.tolist())
    layer.backward(dout)  # what was refused did no harm


@pytest.mark.parametrize("kind", ["ReLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax"])
def test_an_output_changed_before_backward_is_noticed(kind):
    layer = getattr(ours, kind)()
    out = layer.forward(np.ones((3, 4)))
    out *= 2
    with pytest.raises(RuntimeError, match="the output was changed"):
        layer.backward(np.ones((3, 4)))


@pytest.mark.parametrize("shape", [(3, 4), (64, 1, 28, 28), (1000, 7), (16, 8, 24, 24)])
def test_common_changes_of_the_input_are_noticed(shape):
    rng = np.random.default_rng(0)
    changes = {
        "scaled": lambda x: np.multiply(x, 2, out=x),
        "next batch": lambda x: np.copyto(x, rng.standard_normal(x.shape)),
        "shuffled": rng.shuffle,
        "zeroed": lambda x: x.fill(0),
    }
    for name, change in changes.items():
        layer, x = ours.Tanh(), rng.standard_normal(shape)
        out = layer.forward(x)
        change(x)
        with pytest.raises(RuntimeError, match="x was changed"):
            layer.backward(out.copy())
            pytest.fail(name)


def test_wrong_input_says_what_came_and_what_was_expected():
    rng = np.random.default_rng(0)
    linear, norm = ours.Linear(4, 3, rng=rng), ours.BatchNorm2d(3)
    x = np.zeros((2, 4), np.float32)
    for call, words in (
        (lambda: linear.forward(x[:, :3]), r"Linear\(4, 3\): x has shape \(2, 3\), expected \(N, 4\)"),
        (lambda: linear.forward(x[0]), r"x has shape \(4,\)"),
        (lambda: linear.forward(x.astype(np.float64)), "x is float64, the parameters are float32"),
        (lambda: linear.forward(x.astype(np.uint8)), "x is uint8, expected float32 or float64"),
        (lambda: linear.forward([[1.0] * 4]), "x is of type list"),
        (lambda: norm.forward(np.zeros((2, 4, 5, 5), np.float32)), r"expected \(N, 3, H, W\)"),
        (lambda: norm.forward(np.zeros((1, 3, 1, 1), np.float32)), "one value per channel"),
        (lambda: ours.BatchNorm1d(3).forward(np.zeros((1, 3), np.float32)), "one value per channel"),
        (lambda: ours.Softmax().forward(np.zeros(3)), r"expected \(N, K, …\)"),
        (lambda: ours.Linear(0, 3, rng=rng), "in_features is 0"),
        (lambda: ours.Linear(2, 2.5, rng=rng), "out_features is 2.5"),
        (lambda: ours.Linear(2, 2, rng=7), "rng is 7, expected a Generator"),
        (lambda: ours.Linear(2, 2, rng=rng, dtype=np.float16), "float16"),
        (lambda: ours.Dropout(1.5, rng=rng), "p is 1.5"),
        (lambda: ours.Dropout(0.5, rng=7), "rng is 7"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    norm.eval().forward(np.zeros((1, 3, 1, 1), np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_entry_of_the_input_changed_before_backward_is_told(dtype):
    """Any entry of an image batch, in any memory order."""
    rng = np.random.default_rng(0)
    for x in (rng.standard_normal((4, 2, 9, 8)).astype(dtype), np.zeros((8, 9, 2, 4), dtype).T):
        for index in rng.integers((4, 2, 9, 8), size=(40, 4)):
            layer = ours.Conv2d(2, 3, 3, rng=rng, dtype=dtype)
            out = layer.forward(x)
            x[tuple(index)] += 1
            with pytest.raises(RuntimeError, match="x was changed in place"):
                layer.backward(np.ones_like(out))


def test_layers_without_an_rng_differ_from_each_other_and_are_the_same_in_each_process():
    code = (
        "from labkit.layers import *; a, b = Linear(3, 2), Linear(3, 2); Dropout();"
        "print(a.params['weight'].tolist(), b.params['weight'].tolist())"
    )
    told = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(2)]
    assert told[0] == told[1] != ""
    first, second = told[0].strip().split("]] [[")
    assert first.strip("[]") != second.strip("[]")
