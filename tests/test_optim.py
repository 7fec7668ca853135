"""SGD and Adam beside torch.optim's, over several steps on the same gradients."""

import learners_layers as learners
import numpy as np
import pytest
import torch
from beside_torch import distance
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import layers as ours

few = settings(max_examples=30, deadline=None, derandomize=True)
decay = st.sampled_from([0.0, 0.01, 0.3])


def network(rng, dtype):
    return ours.Sequential(
        ours.Linear(5, 4, rng=rng, dtype=dtype), ours.Tanh(), ours.Linear(4, 3, bias=False, rng=rng, dtype=dtype)
    )


def run_both(make_ours, make_torch, steps, seed, dtype):
    """Parameters after `steps` steps on a network that is trained, ours and torch's, from the same start."""
    rng = np.random.default_rng(seed)
    model = network(rng, dtype)
    module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3, bias=False))
    module = module.to(torch.float64 if dtype == np.float64 else torch.float32)
    module.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
    identities = dict(model.params)
    optimizer, beside = make_ours(model), make_torch(module.parameters())
    loss = ours.CrossEntropyLoss()
    for _ in range(steps):
        x, labels = rng.standard_normal((6, 5)).astype(dtype), rng.integers(0, 3, 6)
        optimizer.zero_grad()
        model.backward(loss(model.forward(x), labels)[1])
        grads = {name: grad.copy() for name, grad in model.grads.items()}
        optimizer.step()
        for name, grad in model.grads.items():
            np.testing.assert_array_equal(grad, grads[name], err_msg="a step changed a gradient")
        beside.zero_grad()
        torch.nn.functional.cross_entropy(module(torch.tensor(x)), torch.tensor(labels)).backward()
        beside.step()
    assert all(array is identities[name] and array.dtype == dtype for name, array in model.params.items())
    return model.params, {name: param.detach().numpy() for name, param in module.named_parameters()}


@few
@given(
    steps=st.integers(1, 12),
    seed=st.integers(0, 999),
    lr=st.sampled_from([0.0, 0.02, 0.5]),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    weight_decay=decay,
)
def test_sgd_equals_torch(steps, seed, lr, momentum, weight_decay):
    for dtype, bound in ((np.float64, 1e-10), (np.float32, 1e-5)):
        actual, expected = run_both(
            lambda model: ours.SGD(model, lr, momentum, weight_decay),
            lambda params: torch.optim.SGD(params, lr, momentum=momentum, weight_decay=weight_decay),
            steps, seed, dtype,
        )
        for name in expected:
            assert distance(actual[name], expected[name]) <= bound, name


@few
@given(
    steps=st.integers(1, 12),
    seed=st.integers(0, 999),
    lr=st.sampled_from([1e-3, 0.05]),
    betas=st.sampled_from([(0.9, 0.999), (0.0, 0.5), (0.7, 0.0)]),
    eps=st.sampled_from([1e-8, 1e-3]),
    weight_decay=decay,
)
def test_adam_equals_torch(steps, seed, lr, betas, eps, weight_decay):
    actual, expected = run_both(
        lambda model: ours.Adam(model, lr, betas, eps, weight_decay),
        lambda params: torch.optim.Adam(params, lr, betas=betas, eps=eps, weight_decay=weight_decay),
        steps, seed, np.float64,
    )
    for name in expected:
        assert distance(actual[name], expected[name]) <= 1e-10, name


def test_adam_in_float32_stays_float32_and_near_torch():
    actual, expected = run_both(ours.Adam, torch.optim.Adam, 10, 3, np.float32)
    for name in expected:
        assert actual[name].dtype == np.float32
        assert distance(actual[name], expected[name]) <= 1e-4, name


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_learners_layer_is_stepped(kind):
    rng = np.random.default_rng(0)
    layer = learners.Linear(rng.standard_normal((2, 3)), np.zeros(2))
    optimizer = getattr(ours, kind)(layer, lr=0.1)
    before = layer.params["weight"].copy()
    layer.forward(rng.standard_normal((4, 3)))
    layer.backward(rng.standard_normal((4, 2)))
    optimizer.step()
    moved = before - layer.params["weight"]
    grad = layer.grads["weight"]
    expected = 0.1 * (grad if kind == "SGD" else grad / (np.abs(grad) + 1e-8))  # Adam's first step
    np.testing.assert_allclose(moved, expected, rtol=1e-12)
    optimizer.zero_grad()
    assert not layer.grads["weight"].any()


def test_settings_that_make_no_sense_are_refused():
    model = network(np.random.default_rng(0), np.float32)
    for call, words in (
        (lambda: ours.SGD(model, -0.1), "lr is -0.1, expected a number from 0 up"),
        (lambda: ours.SGD(model, float("nan")), "lr is nan"),
        (lambda: ours.SGD(model, "fast"), "lr is 'fast'"),
        (lambda: ours.SGD(model, 0.1, momentum=-1), "momentum is -1"),
        (lambda: ours.SGD(model, 0.1, weight_decay=-1), "weight_decay is -1"),
        (lambda: ours.Adam(model, betas=(0.9, 1.0)), "betas are"),
        (lambda: ours.Adam(model, eps=-1), "eps is -1"),
        (lambda: ours.SGD(ours.ReLU(), 0.1), "SGD: the model has no parameters"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
