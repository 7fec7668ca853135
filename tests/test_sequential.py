"""Sequential: torch's numbers and names, nothing overwritten that is needed, files, learners' layers inside."""

import subprocess
import sys

import learners_layers as learners
import numpy as np
import pytest
import torch
from beside_torch import LAYOUTS, laid_out, twin
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import layers as ours

few = settings(deadline=None, derandomize=True)


pytestmark = pytest.mark.usefixtures("torch_on_one_thread")


class Sine(torch.nn.Module):
    def forward(self, x):
        return torch.sin(x)


# One entry is a way to make a layer for 3 channels that keeps the shape (N, 3, H, W), ours and torch's.
KEEPING = {
    "relu": (lambda rng: ours.ReLU(), torch.nn.ReLU),
    "leaky": (lambda rng: ours.LeakyReLU(-0.3), lambda: torch.nn.LeakyReLU(-0.3)),
    "tanh": (lambda rng: ours.Tanh(), torch.nn.Tanh),
    "sigmoid": (lambda rng: ours.Sigmoid(), torch.nn.Sigmoid),
    "softmax": (lambda rng: ours.Softmax(), lambda: torch.nn.Softmax(dim=1)),
    "log_softmax": (lambda rng: ours.LogSoftmax(), lambda: torch.nn.LogSoftmax(dim=1)),
    "norm": (lambda rng: ours.BatchNorm2d(3, dtype=np.float64), lambda: torch.nn.BatchNorm2d(3)),
    "conv": (
        lambda rng: ours.Conv2d(3, 3, 3, padding=1, rng=rng, dtype=np.float64),
        lambda: torch.nn.Conv2d(3, 3, 3, padding=1),
    ),
    "max_pool": (lambda rng: ours.MaxPool2d(1), lambda: torch.nn.MaxPool2d(1)),
    "avg_pool": (lambda rng: ours.AvgPool2d(1), lambda: torch.nn.AvgPool2d(1)),
    "no dropout": (lambda rng: ours.Dropout(0.5, rng=rng).eval(), torch.nn.Identity),
    "dropout of 0": (lambda rng: ours.Dropout(0, rng=rng), torch.nn.Identity),
    "inner": (
        lambda rng: ours.Sequential(ours.ReLU(), ours.Tanh()),
        lambda: torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()),
    ),
    "empty": (lambda rng: ours.Sequential(), torch.nn.Sequential),
    "learner's same": (lambda rng: learners.Same(), torch.nn.Identity),
    "learner's sine": (lambda rng: learners.Sine(), Sine),
}


@settings(parent=few, max_examples=150)
@given(
    names=st.lists(st.sampled_from(sorted(KEEPING)), min_size=1, max_size=7),
    flat=st.booleans(),
    seed=st.integers(0, 9999),
    layout=st.sampled_from(LAYOUTS),
)
def test_any_row_of_layers_equals_torch_and_overwrites_nothing_of_the_callers(names, flat, seed, layout):
    rng = np.random.default_rng(seed)
    layers, modules = [KEEPING[name][0](rng) for name in names], [KEEPING[name][1]() for name in names]
    if flat:  # views of what came before, then something that would like to work in place
        layers += [ours.Flatten(), ours.ReLU(), ours.Linear(3 * 4 * 5, 2, rng=rng, dtype=np.float64)]
        modules += [torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(3 * 4 * 5, 2)]
    model, module = ours.Sequential(layers), torch.nn.Sequential(*modules).double()
    module.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()}, strict=True)
    x = laid_out(rng.standard_normal((4, 3, 4, 5)), layout)
    x_before = x.copy()
    tensor = torch.tensor(np.ascontiguousarray(x), requires_grad=True)
    expected = module(tensor)
    dout = laid_out(rng.standard_normal(tuple(expected.shape)), layout)
    dout_before = dout.copy()
    expected.backward(torch.tensor(np.ascontiguousarray(dout)))

    out = model.forward(x)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    out_before = out.copy()
    dx = model.backward(dout)
    wanted = {"dx": tensor.grad, **{name: p.grad for name, p in module.named_parameters()}}
    for name, actual in {"dx": dx, **model.grads}.items():
        scale = max(1e-3, float(wanted[name].abs().max()))
        np.testing.assert_allclose(actual, wanted[name].numpy(), rtol=1e-9, atol=1e-10 * scale, err_msg=name)
    for name, buffer in module.named_buffers():
        np.testing.assert_allclose(model.buffers[name], buffer.numpy(), rtol=1e-10, atol=1e-12, err_msg=name)
    np.testing.assert_array_equal(x, x_before, err_msg="x was written to")
    np.testing.assert_array_equal(dout, dout_before, err_msg="dout was written to")
    np.testing.assert_array_equal(out, out_before, err_msg="the output was written to")

    # The same without dx, and one layer at a time, as in lock step: then nothing may work in place at all.
    kept = {name: grad.copy() for name, grad in model.grads.items()}
    if "norm" not in names:
        model.zero_grad()
        model.forward(x)
        assert model.backward(dout, input_gradient=False) is None
        for name, grad in model.grads.items():
            np.testing.assert_allclose(grad, kept[name], rtol=1e-12, atol=1e-15)
        value, arrays = x, []
        for layer in model.layers:
            arrays.append((value, value.copy()))
            value = layer.forward(value)
        np.testing.assert_allclose(value, out, rtol=1e-12, atol=1e-15)
        for live, copy in arrays:
            np.testing.assert_array_equal(live, copy, err_msg="a layer called by hand wrote to its input")


def lenet(rng, dtype=np.float32):
    return ours.Sequential(
        ours.Conv2d(1, 8, 5, rng=rng, dtype=dtype),
        ours.BatchNorm2d(8, dtype=dtype),
        ours.ReLU(),
        ours.MaxPool2d(2),
        ours.Conv2d(8, 16, 5, rng=rng, dtype=dtype, bias=False),
        ours.LeakyReLU(),
        ours.AvgPool2d(2),
        ours.Flatten(),
        ours.Linear(256, 64, rng=rng, dtype=dtype),
        ours.BatchNorm1d(64, dtype=dtype),
        ours.Dropout(0.5, rng=rng),
        ours.Tanh(),
        ours.Linear(64, 10, rng=rng, dtype=dtype),
    )


def torch_lenet():
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5, bias=False),
        nn.LeakyReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.BatchNorm1d(64), nn.Dropout(0.5),
        nn.Tanh(), nn.Linear(64, 10),
    )


def test_state_dict_has_torchs_names_order_shapes_and_dtypes():
    model, module = lenet(np.random.default_rng(0)), torch_lenet()
    state, expected = model.state_dict(), module.state_dict()
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        assert state[name].shape == tuple(tensor.shape) and state[name].dtype == tensor.numpy().dtype, name
    for name, array in state.items():
        array += 1
        assert not np.array_equal(model.state_dict()[name], array), "state_dict gives copies"
    model.load_state_dict({name: tensor.numpy() for name, tensor in expected.items()})
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, expected[name].numpy())
    assert list(model.params) == [name for name, _ in module.named_parameters()]


def test_a_trained_network_goes_to_torch_and_back():
    rng = np.random.default_rng(0)
    model = lenet(rng, np.float64)
    x, labels = rng.standard_normal((20, 1, 28, 28)), rng.integers(0, 10, 20)
    ours.fit(model, ours.CrossEntropyLoss(), ours.SGD(model, 0.01), x, labels, 1, 7, rng, progress=False)
    model.eval()
    module = twin(torch_lenet(), model)
    np.testing.assert_allclose(model.forward(x), module(torch.tensor(x)).detach().numpy(), rtol=1e-9, atol=1e-10)


def test_save_and_load(tmp_path):
    model, other = lenet(np.random.default_rng(0)), lenet(np.random.default_rng(1))
    path = tmp_path / "weights"  # no ending is added
    model.save(path)
    live = dict(other.params)
    other.load(path)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], array)
    assert all(array is live[name] for name, array in other.params.items()), "arrays keep their identity"
    assert [file.name for file in tmp_path.iterdir()] == ["weights"]
    with np.load(path, allow_pickle=False) as file:
        assert list(file) == list(model.state_dict())


def test_a_file_that_does_not_fit_changes_nothing(tmp_path):
    rng = np.random.default_rng(0)
    model = ours.Sequential(ours.Linear(4, 3, rng=rng), ours.ReLU(), ours.Linear(3, 2, rng=rng))
    before = model.state_dict()
    state = model.state_dict()

    def written(name, **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / f"{name}.npz"

    missing = written("missing", **{name: array for name, array in state.items() if name != "2.bias"})
    unknown = written("unknown", **state, extra=np.zeros(1))
    shape = written("shape", **{**state, "2.weight": state["2.weight"].T})
    dtype = written("dtype", **{**state, "0.weight": state["0.weight"].astype(complex)})
    pickled = written("pickled", **{**state, "0.weight": np.array([{}], object)})
    text, empty, array, cut = (tmp_path / name for name in ("text", "empty", "array.npy", "cut"))
    text.write_text("a letter")
    empty.touch()
    np.save(array, np.zeros(3))
    cut.write_bytes(shape.read_bytes()[:-40])
    for path, words in (
        (missing, "Missing: 2.bias. Not known here: nothing"),
        (unknown, "Missing: nothing. Not known here: extra"),
        (shape, r"2.weight has shape \(3, 2\), expected \(2, 3\)"),
        (dtype, "0.weight is complex128, expected float32"),
        (pickled, "is not a file that Sequential.save wrote"),
        (text, "text is not a file that Sequential.save wrote"),
        (empty, "empty is not a file that Sequential.save wrote"),
        (array, "array.npy is not a file that Sequential.save wrote"),
        (cut, "cut is not a file that Sequential.save wrote"),
    ):
        with pytest.raises(ValueError, match=words):
            model.load(path)
        for name, values in model.state_dict().items():
            np.testing.assert_array_equal(values, before[name])
    with pytest.raises(FileNotFoundError):
        model.load(tmp_path / "nowhere")


def test_summary_has_sizes_and_counts_and_leaves_no_trace():
    model = lenet(np.random.default_rng(0))
    model[1].eval()
    before = model.state_dict()
    summary = model.summary((1, 28, 28))
    module = torch_lenet()
    assert summary.parameters == sum(p.numel() for p in module.parameters())
    out = torch.zeros(2, 1, 28, 28)
    for row, layer in zip(summary.rows, module, strict=True):
        out = layer(out)
        assert row.output_shape == tuple(out.shape[1:])
        assert row.parameters == sum(p.numel() for p in layer.parameters())
    text = str(summary)
    assert "16 × 8 × 8" in text and "Linear(256, 64)" in text and "16,448" in text
    assert model.training and model[2].training and not model[1].training
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(ValueError, match=r"Linear\(256, 64\) \(layer 8\)"):
        model.summary((1, 32, 32))
    assert model.training and not model[1].training


def test_train_and_eval_reach_every_layer():
    same = learners.Same()
    model = ours.Sequential(same, ours.ReLU(), ours.Sequential(ours.Tanh()))
    model.eval()
    assert same.mode == "eval" and not model.training and not model[1].training and not model[2][0].training
    model.train()
    assert same.mode == "train" and model.training and model[1].training and model[2][0].training


def test_the_wrong_order_and_wrong_input_name_the_layer():
    rng = np.random.default_rng(0)
    model = ours.Sequential(ours.Flatten(), ours.Linear(6, 4, rng=rng), ours.ReLU(), ours.Linear(5, 2, rng=rng))
    x = np.ones((3, 6), np.float32)
    with pytest.raises(ValueError, match=r"Linear\(5, 2\) \(layer 3\): x has shape \(3, 4\), expected \(N, 5\)"):
        model.forward(x)
    with pytest.raises(RuntimeError, match="Sequential: backward was called before forward"):
        model.backward(np.ones((3, 2), np.float32))
    model = ours.Sequential(ours.Flatten(), ours.Linear(6, 4, rng=rng))
    dout = np.ones((3, 4), np.float32)
    model.forward(x)
    model.backward(dout)
    with pytest.raises(RuntimeError, match="second time"):
        model.backward(dout)
    model.forward(x)
    x *= 2
    with pytest.raises(RuntimeError, match="x was changed"):
        model.backward(dout)
    out = model.forward(x)
    out -= out.max()  # as a loss might; a Linear does not read its output again
    model.backward(dout)
    with pytest.raises(ValueError, match="dout has shape"):
        model.forward(x)
        model.backward(dout[:2])
    with pytest.raises(ValueError, match=r"Linear\(6, 4\) \(layer 1\): x is float64"):
        model.forward(x.astype(np.float64))
    activation = ours.Sequential(ours.Linear(6, 4, rng=rng), ours.Tanh(), ours.Flatten())
    out = activation.forward(x)
    out *= 2
    with pytest.raises(RuntimeError, match="the output was changed"):
        activation.backward(dout)


def test_what_is_no_layer_is_refused():
    relu = ours.ReLU()
    for layers, words in (
        ([relu, "tanh"], "'tanh' at position 1 is no layer: it has no forward"),
        ([ours.ReLU], "at position 0 is no layer"),
        ([relu, ours.Tanh(), relu], "at position 2 is there already"),
    ):
        with pytest.raises(ValueError, match=words):
            ours.Sequential(layers)

    class Forgetful(learners.Same):
        def backward(self, dout):
            return None

    model = ours.Sequential(ours.Linear(2, 2, rng=np.random.default_rng(0)), Forgetful())
    model.forward(np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match="backward of layer 1, Forgetful, returned NoneType"):
        model.backward(np.ones((1, 2), np.float32))


def test_layers_are_loaded_only_when_asked_for_and_know_numpy_alone():
    program = (
        "import sys, labkit; assert not any(m.startswith('labkit.layers') for m in sys.modules);"
        "import labkit.layers;"
        "heavy = {'torch', 'keras', 'matplotlib', 'rich', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
