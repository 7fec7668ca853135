"""The mode of a model, train or eval: set for a while, then as it was."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def mode(model: object, training: bool) -> Iterator[None]:
    """train() or eval() inside the `with`; afterwards the model and each layer in it are as they were.

    A model that has no attribute `training` counts as training.
    """
    before = modes(model)
    model.train() if training else model.eval()
    try:
        yield
    finally:
        for layer, was_training in before:
            layer.train() if was_training else layer.eval()


def modes(model: object, default: bool = True) -> list[tuple[object, bool]]:
    """The model and the layers in it with their modes, outer ones first: setting an outer mode sets all inner ones."""
    training = getattr(model, "training", default)
    found = [(model, training)]
    for layer in getattr(model, "layers", ()):
        found += modes(layer, training)
    return found
