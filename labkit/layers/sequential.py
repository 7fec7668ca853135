"""Sequential: one layer after another; their parameters, their state, and files of it."""

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labkit.layers.layer import Layer
from labkit.layers.modes import mode


class Sequential(Layer):
    """Layers in a row, like `torch.nn.Sequential`: forward from first to last, backward from last to first.

    `layers` are labkit's or a learner's: any object with forward, backward, params, grads, zero_grad, train
    and eval. Give them as a list or one by one. Parameters are called `0.weight`, `0.bias`, `3.weight` … as in
    torch, and `params` and `grads` are dicts of the layers' live arrays.

    Layers of labkit overwrite arrays the network made itself where nobody needs them any more. The input x, the
    output and dout are never written to. `backward(dout, input_gradient=False)` leaves out dx, and returns None.
    Raises ValueError where something is no layer, or the same layer comes twice.
    """

    keeps_output = True  # a layer in it may
    _needed = False

    def __init__(self, *layers: object):
        if len(layers) == 1 and isinstance(layers[0], Iterable):
            layers = tuple(layers[0])
        for index, layer in enumerate(layers):
            missing = [name for name in PROTOCOL if isinstance(layer, type) or not hasattr(layer, name)]
            if missing:
                raise ValueError(
                    f"Sequential: {layer!r} at position {index} is no layer: it has no {', '.join(missing)}."
                )
            if any(layer is other for other in layers[:index]):
                raise ValueError(
                    f"Sequential: {layer!r} at position {index} is there already. It remembers one forward only; "
                    "make a new layer for each place."
                )
        self.layers = list(layers)
        self._name_layers()

    def _name_layers(self, prefix: str = "") -> None:
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Layer):
                layer.position = f"{prefix}{index}"
            if isinstance(layer, Sequential):
                layer._name_layers(f"{prefix}{index}.")

    @property
    def params(self) -> dict[str, np.ndarray]:
        return self._collect("params")

    @property
    def grads(self) -> dict[str, np.ndarray]:
        return self._collect("grads")

    @property
    def buffers(self) -> dict[str, np.ndarray]:
        return self._collect("buffers")

    def _collect(self, kind: str) -> dict[str, np.ndarray]:
        arrays = {}
        for index, layer in enumerate(self.layers):
            for name, array in getattr(layer, kind, {}).items():
                arrays[f"{index}.{name}"] = array
        return arrays

    def _state(self):
        state = {}
        for index, layer in enumerate(self.layers):
            inner = layer._state() if isinstance(layer, Layer) else layer.params
            state.update({f"{index}.{name}": array for name, array in inner.items()})
        return state

    def train(self):
        for layer in self.layers:
            layer.train()
        return super().train()

    def eval(self):
        for layer in self.layers:
            layer.eval()
        return super().eval()

    def zero_grad(self):
        for layer in reversed(self.layers):
            layer.zero_grad()

    def _run(self, x, in_place=False):
        self._drop()
        self._check_array(x, "x")
        out, free = x, in_place  # free: nobody needs this array any more, so it may be overwritten
        self._needed = False  # a layer of ours will read this array in backward
        for layer in self.layers:
            came = out
            if isinstance(layer, Layer):
                out = layer._run(came, in_place=free)
                made_here = not np.may_share_memory(out, came)
                free = (made_here or free) and not layer.keeps_output
                self._needed = (self._needed and not made_here) or layer._reads_output()
            else:
                out, free, self._needed = layer.forward(came), False, False
                self._check_foreign(layer, out, "forward")
        self._gave = out.shape, out.dtype
        return out

    def _backward(self, dout):
        free, input_gradient = self.in_place, self.input_gradient
        last = 0 if input_gradient else self._first_that_learns()
        for index in reversed(range(last, len(self.layers))):
            layer, came = self.layers[index], dout
            if isinstance(layer, Layer):
                dout = layer._run_back(came, in_place=free, input_gradient=input_gradient or index > last)
                free = dout is not None and (free or not np.may_share_memory(dout, came))
            else:
                dout, free = layer.backward(came), False
                if input_gradient or index > last:
                    self._check_foreign(layer, dout, "backward")
        return dout

    def _first_that_learns(self) -> int:
        """The first layer whose backward is wanted where dx is not: those before have nothing to learn."""
        for index, layer in enumerate(self.layers):
            if layer.params or not isinstance(layer, Layer):
                return index
        return len(self.layers)

    def _drop(self):
        super()._drop()
        for layer in self.layers:
            if isinstance(layer, Layer):
                layer._drop()

    def _check_foreign(self, layer, array, method):
        if not isinstance(array, np.ndarray):
            position = next(index for index, other in enumerate(self.layers) if other is layer)
            raise ValueError(
                f"Sequential: {method} of layer {position}, {type(layer).__name__}, "
                f"returned {type(array).__name__}, expected a NumPy array."
            )

    def _reads_output(self):
        return self._needed

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> object:
        return self.layers[index]

    def extra_repr(self):
        return ", ".join(repr(layer) for layer in self.layers)

    def label(self):
        return f"Sequential (layer {self.position})" if self.position else "Sequential"

    def summary(self, input_shape: tuple[int, ...]) -> "Summary":
        """Each layer's output shape and number of parameters, for images of `input_shape`, without the batch axis.

        Runs one image of zeros through the network in eval mode; the mode is restored. Prints as a table.
        """
        dtype = next((array.dtype for array in self.params.values()), np.dtype(np.float32))
        out, rows = np.zeros((1, *input_shape), dtype), []
        with mode(self, training=False):
            for index, layer in enumerate(self.layers):
                out = layer.forward(out)
                count = sum(array.size for array in layer.params.values())
                text = repr(layer) if isinstance(layer, Layer) else type(layer).__name__
                rows.append(SummaryRow(str(index), text, out.shape[1:], count))
        self._drop()
        return Summary(tuple(input_shape), tuple(rows))

    def save(self, path: str | os.PathLike) -> None:
        """Write `state_dict()` to an .npz file at exactly this path, without pickle."""
        part = f"{os.fspath(path)}.part"  # an older file stays whole if writing fails
        with open(part, "wb") as file:
            np.savez(file, **self.state_dict())
        os.replace(part, path)

    def load(self, path: str | os.PathLike) -> None:
        """Read what `save` wrote into this network. Nothing is changed where the file does not fit.

        Raises FileNotFoundError, and ValueError where the file is not one of `save`'s or does not fit.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                state = dict(arrays)
        except (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as problem:
            raise ValueError(f"{path} is not a file that Sequential.save wrote: {problem}") from problem
        self.load_state_dict(state)


@dataclass(frozen=True)
class SummaryRow:
    index: str
    layer: str
    output_shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Summary:
    """What `summary` returns; printed, it is a table."""

    input_shape: tuple[int, ...]
    rows: tuple[SummaryRow, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    def __str__(self) -> str:
        lines = [("", "layer", "output", "parameters"), ("", "input", shape_text(self.input_shape), "")]
        lines += [(row.index, row.layer, shape_text(row.output_shape), f"{row.parameters:,}") for row in self.rows]
        lines.append(("", "sum", "", f"{self.parameters:,}"))
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join(
            f"{a:>{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in lines
        )

    __repr__ = __str__


def shape_text(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"


PROTOCOL = ("forward", "backward", "params", "grads", "zero_grad", "train", "eval")
