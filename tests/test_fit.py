"""fit and evaluate: what is seen, in which order, what is remembered; with labkit's layers and a learner's."""

import sys
import tracemalloc

import learners_layers as learners
import numpy as np
import pytest

from labkit import layers as ours
from labkit.layers import recycle


def small_network(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return ours.Sequential(
        ours.Linear(6, 8, rng=rng, dtype=dtype),
        ours.BatchNorm1d(8, dtype=dtype),
        ours.ReLU(),
        ours.Dropout(0.2, rng=rng),
        ours.Linear(8, 3, rng=rng, dtype=dtype),
    )


def three_clouds(n=100, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    centres = 2 * np.eye(3, 6)
    return (centres[labels] + 0.5 * rng.standard_normal((n, 6))).astype(dtype), labels.astype(np.uint8)


def trained(seed=0, **options):
    model, (x, y) = small_network(), three_clouds()
    rng = np.random.default_rng(seed)
    optimizer = ours.SGD(model, 0.1, momentum=0.9)
    history = ours.fit(model, ours.CrossEntropyLoss(), optimizer, x, y, 4, 16, rng, progress=False, **options)
    return model, history


class Spy:
    """A model that notes the samples it sees and in which mode, and answers with what it is told to."""

    def __init__(self):
        self.params = {"bias": np.zeros(3)}
        self.grads = {"bias": np.zeros(3)}
        self.mode, self.seen, self.backwards = "train", [], 0

    def forward(self, x):
        self.seen.append((self.mode, x.ravel().copy()))
        return np.tile(self.params["bias"], (len(x), 1))

    def backward(self, dout):
        self.backwards += 1
        self.grads["bias"] += dout.sum(axis=0)
        return dout

    def zero_grad(self):
        self.grads["bias"][...] = 0

    def train(self):
        self.mode = "train"

    def eval(self):
        self.mode = "eval"


def fit_spy(n=10, epochs=2, batch_size=4, losses=None, **options):
    model, optimizer_steps = Spy(), []

    class Optimizer:
        def step(self):
            optimizer_steps.append(model.grads["bias"].copy())

    values = iter(losses or [1.0] * 1000)

    def loss(logits, labels):
        return next(values), np.ones_like(logits)

    x = np.arange(float(n))[:, None]
    y = np.arange(n) % 3
    rng = np.random.default_rng(0)
    history = ours.fit(model, loss, Optimizer(), x, y, epochs, batch_size, rng, progress=False, **options)
    return model, history, optimizer_steps


def test_every_sample_comes_once_an_epoch_in_a_new_order_and_the_last_batch_is_smaller():
    model, history, steps = fit_spy(n=10, epochs=2, batch_size=4)
    assert [len(samples) for _, samples in model.seen] == [4, 4, 2, 4, 4, 2]
    orders = [np.concatenate([samples for _, samples in model.seen[i : i + 3]]) for i in (0, 3)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(10))
    assert not np.array_equal(orders[0], orders[1]) and not np.array_equal(orders[0], np.arange(10))
    assert model.backwards == len(steps) == 6
    for size, gradient in zip([4, 4, 2, 4, 4, 2], steps, strict=True):
        np.testing.assert_array_equal(gradient, [size] * 3, err_msg="gradients are zeroed before each step")


def test_images_keep_their_labels():
    x = np.arange(50.0)[:, None]
    y = (np.arange(50) * 7) % 11
    pairs = []

    def loss(logits, labels):
        pairs.extend(zip(model.seen[-1][1].astype(int), labels, strict=True))
        return 0.0, np.zeros_like(logits)

    model = Spy()
    ours.fit(model, loss, ours.SGD(model, 0.0), x, y, 2, 8, np.random.default_rng(0), progress=False)
    assert len(pairs) == 100 and all(y[index] == label for index, label in pairs)


def test_losses_are_means_over_samples_not_over_batches():
    _, history, _ = fit_spy(n=10, epochs=2, batch_size=4, losses=[1.0, 2.0, 9.0, 3.0, 3.0, 3.0], report_every=4)
    assert history.loss == pytest.approx([(4 * 1 + 4 * 2 + 2 * 9) / 10, 3.0])
    assert history.running == [(4, pytest.approx((4 * 1 + 4 * 2 + 2 * 9 + 4 * 3) / 14))]
    _, history, _ = fit_spy(n=4, epochs=6, batch_size=4, losses=[1, 2, 3, 4, 5, 6], report_every=2)
    assert history.running == [(2, 1.5), (4, 3.5), (6, 5.5)]


def test_evaluation_every_n_epochs_and_after_the_last_in_eval_mode():
    x, y = np.arange(100.0, 107)[:, None], np.arange(7) % 3
    model, history, _ = fit_spy(epochs=5, evaluate_every=2, validation=(x, y), evaluate_training=True)
    assert list(history.validation) == list(history.training) == [2, 4, 5]
    assert len(history.loss) == 5
    for mode, samples in model.seen:
        if samples.min() >= 100:
            assert mode == "eval"
    in_eval = [samples for mode, samples in model.seen if mode == "eval" and samples.min() >= 100]
    assert [len(samples) for samples in in_eval] == [4, 3] * 3
    assert sum(len(samples) for mode, samples in model.seen if mode == "train") == 5 * 10


def test_evaluate_takes_means_over_samples_and_counts_what_is_right():
    rng = np.random.default_rng(0)
    model, (x, y) = small_network(dtype=np.float64), three_clouds(50, dtype=np.float64)
    model.forward(rng.standard_normal((30, 6)))  # running statistics that differ from the start
    model.eval()
    logits = model.forward(x)
    loss, _ = ours.CrossEntropyLoss()(logits, y)
    model.train()
    before = model.state_dict()
    for batch_size in (1, 7, 50, 1000):
        got = ours.evaluate(model, x, y, batch_size, ours.CrossEntropyLoss())
        assert got.loss == pytest.approx(loss, rel=1e-12)
        assert got.accuracy == (logits.argmax(axis=1) == y).mean()
        assert got == ours.evaluate(model, x, y, batch_size), "cross-entropy unless another loss is given"
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("column", [False, True])
def test_one_logit_a_sample(column):
    class Given(Spy):
        def forward(self, x):
            return x if column else x[:, 0]

    x = np.array([[-2.0], [-1.0], [1.0], [2.0], [3.0]])
    y = np.array([0, 1, 1, 1, 0])
    y = y[:, None] if column else y
    got = ours.evaluate(Given(), x, y, 2, ours.BCEWithLogitsLoss())
    assert got.accuracy == 3 / 5
    assert got.loss == pytest.approx(ours.BCEWithLogitsLoss()(x, y.reshape(5, 1))[0], rel=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_restored_layer_by_layer_even_after_an_error(training):
    model, (x, y) = small_network(), three_clouds()
    model.train() if training else model.eval()
    model[1].eval()  # a frozen layer
    rng, loss = np.random.default_rng(0), ours.CrossEntropyLoss()
    modes = [layer.training for layer in model.layers]
    ours.evaluate(model, x, y, 10, loss)
    assert [layer.training for layer in model.layers] == modes and model.training == training
    ours.fit(model, loss, ours.SGD(model, 0.1), x, y, 1, 10, rng, validation=(x, y), progress=False)
    assert [layer.training for layer in model.layers] == modes and model.training == training
    with pytest.raises(ValueError, match="labels run from"):
        ours.evaluate(model, x, y + 5, 10, loss)
    assert [layer.training for layer in model.layers] == modes and model.training == training


def test_the_same_seed_gives_the_same_network_and_validation_changes_nothing():
    (one, history), (two, other) = trained(), trained()
    x, y = three_clouds(30, seed=5)
    three, _ = trained(validation=(x, y), evaluate_training=True, report_every=3)
    assert history.loss == other.loss
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(array, two.state_dict()[name])
        np.testing.assert_array_equal(array, three.state_dict()[name])
    four, _ = trained(seed=1)
    assert not np.array_equal(one.params["0.weight"], four.params["0.weight"])


def test_it_learns():
    model, history = trained(validation=three_clouds(60, seed=9))
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert history.validation[4].accuracy > 0.9


def test_the_callers_data_stays_as_it_is():
    model, (x, y) = small_network(), three_clouds()
    x_before, y_before = x.copy(), y.copy()
    rng = np.random.default_rng(0)
    ours.fit(model, ours.CrossEntropyLoss(), ours.Adam(model), x, y, 2, 32, rng, validation=(x, y), progress=False)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(y, y_before)


def test_evaluation_costs_memory_for_a_batch_not_for_the_set():
    x, y = np.zeros((4000, 1, 28, 28), np.float32), np.zeros(4000, np.uint8)

    def peak(samples):
        rng = np.random.default_rng(0)
        model = ours.Sequential(
            ours.Conv2d(1, 8, 5, rng=rng), ours.BatchNorm2d(8), ours.ReLU(), ours.MaxPool2d(2), ours.Flatten(),
            ours.Linear(1152, 10, rng=rng),
        )
        recycle.release()  # memory kept from before would not be counted
        tracemalloc.start()
        try:
            ours.evaluate(model, x[:samples], y[:samples], 50, ours.CrossEntropyLoss())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    few, many = peak(100), peak(4000)
    assert many < 1.1 * few + 1e5
    assert few > 50 * 8 * 24 * 24 * 4, "the measurement sees the activations of a batch"


def test_learners_layers_inside_ours_and_ours_inside_theirs_train_alike():
    def data():
        rng = np.random.default_rng(3)
        return rng.standard_normal((40, 5)), rng.integers(0, 3, 40), rng

    def arrays():
        rng = np.random.default_rng(4)
        return rng.standard_normal((6, 5)), np.zeros(6), rng.standard_normal((3, 6)), np.zeros(3)

    def given(w, b):
        layer = ours.Linear(w.shape[1], w.shape[0], rng=np.random.default_rng(0), dtype=np.float64)
        layer.load_state_dict({"weight": w, "bias": b})
        return layer

    w0, b0, w1, b1 = arrays()
    all_ours = ours.Sequential(given(w0, b0), ours.ReLU(), given(w1, b1))
    w0, b0, w1, b1 = arrays()
    mixed = ours.Sequential(learners.Linear(w0, b0), ours.ReLU(), learners.Same(), given(w1, b1))
    w0, b0, w1, b1 = arrays()
    theirs = learners.Sequential([given(w0, b0), ours.ReLU(), learners.Same(), learners.Linear(w1, b1)])
    results = []
    for model, optimizer in (
        (all_ours, ours.SGD(all_ours, 0.1)),
        (mixed, ours.SGD(mixed, 0.1)),
        (theirs, ours.SGD(theirs, 0.1)),
        (theirs, None),
    ):
        if optimizer is None:  # the learner's optimiser as well, from the same start
            for array, start in zip(theirs.params.values(), arrays(), strict=True):
                array[...] = start
            optimizer = learners.SGD(theirs, 0.1)
        x, y, rng = data()
        history = ours.fit(
            model, ours.CrossEntropyLoss(), optimizer, x, y, 3, 7, rng, validation=(x, y), progress=False
        )
        results.append((history, [array.copy() for array in model.params.values()]))
    assert list(mixed.params) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    for history, params in results[1:]:
        assert history.loss == pytest.approx(results[0][0].loss, rel=1e-12)
        assert history.validation[3] == pytest.approx(results[0][0].validation[3], rel=1e-12)
        for array, expected in zip(params, results[0][1], strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-11, atol=1e-13)


def test_a_learners_loss_and_float_targets():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 4))
    targets = x @ rng.standard_normal((4, 2))
    model = ours.Linear(4, 2, rng=rng, dtype=np.float64)  # a single layer is a model
    history = ours.fit(
        model, learners.squared_error, ours.SGD(model, 0.3), x, targets, 30, 16, rng, progress=False
    )
    assert history.loss[-1] < 1e-3 * history.loss[0]


def test_the_progress_bar_shows_the_running_loss(capsys):
    model, (x, y) = small_network(), three_clouds()
    rng = np.random.default_rng(0)
    history = ours.fit(model, ours.CrossEntropyLoss(), ours.SGD(model, 0.1), x, y, 2, 10, rng, report_every=5)
    shown = capsys.readouterr().out
    assert "epoch 2" in shown and "20/20" in shown and f"{history.running[-1][1]:.4f}" in shown
    assert "rich" in sys.modules


def test_no_epochs_change_nothing():
    model, (x, y) = small_network(), three_clouds()
    before = model.state_dict()
    rng = np.random.default_rng(0)
    history = ours.fit(model, ours.CrossEntropyLoss(), ours.SGD(model, 0.1), x, y, 0, 10, rng, progress=False)
    assert history == ours.History()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_bad_input_says_what_is_wrong():
    x, y = three_clouds()
    for words, changes in (
        (r"x and y have shapes \(100, 6\) and \(99,\)", {"y": y[:99]}),
        ("x and y are empty", {"x": x[:0], "y": y[:0]}),
        ("x and y are ndarray and list", {"y": y.tolist()}),
        ("epochs is -1, expected a whole number from 0 up", {"epochs": -1}),
        ("epochs is 1.5", {"epochs": 1.5}),
        ("batch_size is 0, expected a whole number from 1 up", {"batch_size": 0}),
        ("evaluate_every is 0", {"evaluate_every": 0}),
        ("report_every is 0", {"report_every": 0}),
        ("rng is 3, expected a Generator", {"rng": 3}),
        ("validation is not a pair", {"validation": x}),
        ("validation x and y have shapes", {"validation": (x, y[:3])}),
    ):
        model = small_network()
        before = model.state_dict()
        arguments = {
            "model": model, "loss": ours.CrossEntropyLoss(), "optimizer": ours.SGD(model, 0.1), "x": x, "y": y,
            "epochs": 1, "batch_size": 10, "rng": np.random.default_rng(0), "progress": False,
        }
        with pytest.raises(ValueError, match=words):
            ours.fit(**{**arguments, **changes})
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, before[name])
    with pytest.raises(ValueError, match="batch_size"):
        ours.evaluate(model, x, y, 0, ours.CrossEntropyLoss())
