"""fit: the training loop, and evaluate: loss and accuracy in batches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from labkit.layers.layer import Layer
from labkit.layers.loss import CrossEntropyLoss
from labkit.layers.modes import mode
from labkit.layers.optim import Optimizer

LossFunction = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


class Evaluation(NamedTuple):
    """Mean loss over all samples, and the fraction classified rightly."""

    loss: float
    accuracy: float


@dataclass
class History:
    """What `fit` saw.

    loss        mean loss over the samples of each epoch, while training went on
    running     (step, mean loss over the samples of the last `report_every` steps); steps count from 1
    training    {epoch: Evaluation on the training data}, where `evaluate_training` asked for it
    validation  {epoch: Evaluation on the validation data}; epochs count from 1
    """

    loss: list[float] = field(default_factory=list)
    running: list[tuple[int, float]] = field(default_factory=list)
    training: dict[int, Evaluation] = field(default_factory=dict)
    validation: dict[int, Evaluation] = field(default_factory=dict)


def fit(
    model: object,
    loss: LossFunction,
    optimizer: Optimizer,
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    evaluate_every: int = 1,
    evaluate_training: bool = False,
    report_every: int = 50,
    progress: bool = True,
) -> History:
    """Train `model` on x (N, …) and labels y (N,), every sample once an epoch in an order from `rng`.

    The last batch is smaller where batch_size does not divide N. `loss(logits, labels)` gives `(loss, dlogits)`;
    `model` and `optimizer` may be a learner's. Every `evaluate_every` epochs and after the last one `validation`
    (x, y) is evaluated, in eval mode and in batches of batch_size; `evaluate_training` does the same with x, y.
    `progress` shows a bar with the running loss. Afterwards the model is in the mode it was in before.
    Raises ValueError for x and y of unlike length, no samples, or counts below 1 (epochs may be 0).
    """
    check_data("x and y", x, y)
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise ValueError("validation is not a pair, expected (x, y).")
        check_data("validation x and y", *validation)
    check_count("epochs", epochs, 0)
    check_count("batch_size", batch_size)
    check_count("evaluate_every", evaluate_every)
    check_count("report_every", report_every)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}, expected a Generator: rng=np.random.default_rng(0).")

    history = History()
    steps_an_epoch = -(-len(x) // batch_size)
    step, recent = 0, Mean()
    with mode(model, training=True), progress_bar(progress, epochs * steps_an_epoch) as show:
        for epoch in range(1, epochs + 1):
            of_epoch = Mean()
            for xb, yb in batches(x, y, batch_size, rng.permutation(len(x))):
                value = train_step(model, loss, optimizer, xb, yb)
                step += 1
                of_epoch.add(value, len(xb))
                recent.add(value, len(xb))
                if step % report_every == 0:
                    history.running.append((step, recent.value))
                    recent = Mean()
                show(epoch, history.running[-1][1] if history.running else of_epoch.value)
            history.loss.append(of_epoch.value)
            if epoch % evaluate_every == 0 or epoch == epochs:
                if evaluate_training:
                    history.training[epoch] = evaluate(model, x, y, batch_size, loss)
                if validation is not None:
                    history.validation[epoch] = evaluate(model, *validation, batch_size, loss)
    return history


def train_step(model: object, loss: LossFunction, optimizer: Optimizer, x: np.ndarray, y: np.ndarray) -> float:
    """Forward, loss, backward and one update; the loss. labkit's networks leave out dL/dx, which nobody asks for."""
    model.zero_grad()
    value, dlogits = loss(model.forward(x), y)
    if isinstance(model, Layer):
        model.backward(dlogits, input_gradient=False)
    else:
        model.backward(dlogits)
    optimizer.step()
    return float(value)


def evaluate(
    model: object, x: np.ndarray, y: np.ndarray, batch_size: int, loss: LossFunction | None = None
) -> Evaluation:
    """Mean loss over all samples (cross-entropy, unless given) and accuracy, in eval mode; the mode is restored.

    Works in batches: memory for one batch, however many samples. A sample counts as right where its largest
    logit is the label's; with one logit a sample, where logit > 0 says what label > 0.5 says.
    Raises ValueError for x and y of unlike length, no samples, or a batch_size below 1.
    """
    check_data("x and y", x, y)
    check_count("batch_size", batch_size)
    loss = loss or CrossEntropyLoss()
    mean, right = Mean(), 0
    with mode(model, training=False):
        for xb, yb in batches(x, y, batch_size, None):
            logits = model.forward(xb)
            mean.add(float(loss(logits, yb)[0]), len(xb))
            if logits.ndim == 2 and yb.ndim == 1:
                right += int(np.count_nonzero(logits.argmax(axis=1) == yb))
            else:
                right += int(np.count_nonzero((logits > 0).reshape(len(xb)) == (yb > 0.5).reshape(len(xb))))
    return Evaluation(mean.value, right / len(x))


def batches(
    x: np.ndarray, y: np.ndarray, batch_size: int, order: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(x, y) of up to batch_size samples, in `order`; without one as they come, and then views."""
    for start in range(0, len(x), batch_size):
        chosen = slice(start, start + batch_size)
        if order is not None:
            chosen = order[chosen]
        yield x[chosen], y[chosen]


class Mean:
    """A mean over samples, from means over batches of any size."""

    def __init__(self):
        self.total, self.count = 0.0, 0

    def add(self, value: float, samples: int) -> None:
        self.total += value * samples
        self.count += samples

    @property
    def value(self) -> float:
        return self.total / self.count


@contextmanager
def progress_bar(wanted: bool, steps: int) -> Iterator[Callable[[int, float], None]]:
    """Gives `show(epoch, loss)`, to be called after each step."""
    if not wanted:
        yield lambda epoch, loss: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=steps)
        yield lambda epoch, loss: bar.update(task, advance=1, description=f"epoch {epoch}, loss {loss:.4f}")


def check_data(names: str, x: np.ndarray, y: np.ndarray) -> None:
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        raise ValueError(f"{names} are {type(x).__name__} and {type(y).__name__}, expected NumPy arrays.")
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        raise ValueError(f"{names} have shapes {x.shape} and {y.shape}, expected as many labels as samples.")
    if len(x) == 0:
        raise ValueError(f"{names} are empty, expected at least one sample.")


def check_count(name: str, value: int, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} is {value!r}, expected a whole number from {least} up.")
