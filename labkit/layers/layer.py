"""What every layer is: torch's words, live arrays by name, and a sentence for a call in the wrong order."""

import numpy as np

SAMPLED = 61
FLOATS = np.dtype(np.float32), np.dtype(np.float64)


class Layer:
    """A layer with `forward(x)` and `backward(dout)`, like a `torch.nn.Module` with its own backward.

    params    live arrays by torch's names (`weight`, `bias`); empty for a layer without parameters
    grads     arrays of the same names and shapes; `backward` adds to them until `zero_grad()`
    buffers   arrays that are state but not trained (`running_mean`); empty for most layers
    training  True after `train()` and at first, False after `eval()`

    All arrays are float32, or all are float64; a layer with parameters takes its parameters' dtype only.
    Randomness comes from the `rng` a constructor takes where numbers are drawn (Linear, Conv2d, Dropout), a
    `numpy.random.Generator`. Without one, layers draw from a shared generator that starts at seed 0, one after
    the other: fine for a try, but pass your own where a result should be repeated in a notebook.

    To write a layer, implement `_check(x)`, `_forward(x)` and `_backward(dout)`:

    * `_check(x)` raises `self._wrong(x, "(N, 5)")` where the shape does not fit.
    * `_forward(x)` returns the output and puts what `_backward` needs into `self.kept`, which is emptied
      after backward and before the next forward.
    * `_backward(dout)` returns dx, and hands parameter gradients to `self._add_grad(name, array)`.
      Where `self.input_gradient` is False nobody wants dx: it may return None instead.
    * x and dout have any strides. What is returned is a new array, or a view of what came in.
    * `self.in_place` is True where Sequential allows the array that came in (x in `_forward`, dout in
      `_backward`) to be overwritten, and returned. It holds for this one call. Otherwise never write there.
    * `keeps_output = True` on the class if `_backward` reads the array that `_forward` returned.

    Raises RuntimeError where `backward` is called before `forward`, twice for one `forward`, or after the
    input (or the output, where backward reads it) was changed in place. The last is seen by a checksum of all
    bits, which no change of a single entry leaves alone, and by entries spread over the array, which show most
    changes of order. Raises ValueError for a wrong shape or dtype.
    """

    keeps_output = False
    training = True
    in_place = False
    input_gradient = True
    kept = None
    position = ""  # in a Sequential: "3"
    _came = None  # the input and its sample, where it is watched
    _returned = None  # the output likewise, where backward reads it
    _gave = None  # shape and dtype of the output that waits for its gradient
    _done = False  # backward was called for the last forward

    def __init__(self, params: dict[str, np.ndarray] | None = None, buffers: dict[str, np.ndarray] | None = None):
        self.params = params or {}
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}
        self.buffers = buffers or {}

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The layer's output for x. Remembers what `backward` needs."""
        out = self._run(x)
        self._came = x, sample(x)
        if self._reads_output():
            self._returned = out, sample(out)
        return out

    def backward(self, dout: np.ndarray, input_gradient: bool = True) -> np.ndarray | None:
        """dL/dx from dL/dout, and dL/dparams added to `grads`. Without `input_gradient`: None, and less work."""
        return self._run_back(dout, input_gradient=input_gradient)

    def train(self) -> "Layer":
        self.training = True
        return self

    def eval(self) -> "Layer":
        self.training = False
        return self

    def zero_grad(self) -> None:
        for grad in self.grads.values():
            grad[...] = 0

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of parameters and buffers, by torch's names and in torch's order."""
        return {name: array.copy() for name, array in self._state().items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy `state` into the live arrays; where a name, shape or dtype differs, ValueError and nothing changed."""
        live = self._state()
        missing = [name for name in live if name not in state]
        unknown = [name for name in state if name not in live]
        if missing or unknown:
            raise ValueError(
                f"The state does not fit {self.label()}. Missing: {', '.join(missing) or 'nothing'}. "
                f"Not known here: {', '.join(unknown) or 'nothing'}. Build the network that the state came from."
            )
        arrays = {name: np.asarray(array) for name, array in state.items()}
        for name, array in arrays.items():
            problem, expected = f"The state does not fit {self.label()}: {name}", live[name]
            if array.shape != expected.shape:
                raise ValueError(f"{problem} has shape {array.shape}, expected {expected.shape}.")
            if not np.can_cast(array.dtype, expected.dtype, casting="same_kind"):
                raise ValueError(f"{problem} is {array.dtype}, expected {expected.dtype}.")
        for name, array in arrays.items():
            live[name][...] = array

    def label(self) -> str:
        """What messages call this layer: `Linear(3, 4)`, with its position where it is part of a Sequential."""
        return f"{self!r} (layer {self.position})" if self.position else repr(self)

    def extra_repr(self) -> str:
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.forward(x)

    def _state(self) -> dict[str, np.ndarray]:
        return {**self.params, **self.buffers}

    def _reads_output(self) -> bool:
        return self.keeps_output

    def _check(self, x: np.ndarray) -> None:
        """Raise where the shape of x does not fit."""

    def _forward(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} has no _forward")

    def _backward(self, dout: np.ndarray) -> np.ndarray | None:
        raise NotImplementedError(f"{type(self).__name__} has no _backward")

    def _run(self, x: np.ndarray, in_place: bool = False) -> np.ndarray:
        """forward without a watch on x: what Sequential calls, since inner arrays are its own."""
        self._drop()
        self._check_array(x, "x")
        expected = next((p.dtype for p in self.params.values()), x.dtype)
        if x.dtype != expected:
            raise ValueError(
                f"{self.label()}: x is {x.dtype}, the parameters are {expected}. "
                f"Pass x.astype(np.{expected}), or build the layer with dtype=np.{x.dtype}."
            )
        self._check(x)
        self.in_place = in_place
        out = self._forward(x)
        self._gave = out.shape, out.dtype
        return out

    def _run_back(self, dout: np.ndarray, in_place: bool = False, input_gradient: bool = True) -> np.ndarray | None:
        if self._gave is None:
            problem = "a second time for one forward" if self._done else "before forward"
            raise RuntimeError(f"{self.label()}: backward was called {problem}. Call forward(x) first, each time.")
        self._check_array(dout, "dout")
        shape, dtype = self._gave
        if dout.shape != shape or dout.dtype != dtype:
            raise ValueError(
                f"{self.label()}: dout has shape {dout.shape} and is {dout.dtype}; "
                f"expected shape {shape} and {dtype}, as forward returned."
            )
        for what, watched in (("x", self._came), ("the output", self._returned)):
            if watched is not None and sample(watched[0]) != watched[1]:
                raise RuntimeError(
                    f"{self.label()}: {what} was changed in place between forward and backward. "
                    "The gradients would be wrong. Change a copy, or wait until after backward."
                )
        self.in_place, self.input_gradient = in_place, input_gradient
        dx = self._backward(dout)
        self._drop()
        self._done = True
        return dx if input_gradient else None

    def _drop(self) -> None:
        """Forget the last forward."""
        self.kept = self._came = self._returned = self._gave = None
        self._done = False

    def _add_grad(self, name: str, grad: np.ndarray) -> None:
        if grad is not self.grads[name]:
            self.grads[name] += grad

    def _grad_room(self, name: str) -> np.ndarray:
        """Where to compute a large gradient before `_add_grad`: in `grads` itself while that is all zeros."""
        grad = self.grads[name]
        bits = grad.view(f"u{grad.itemsize}")
        return np.empty_like(grad) if bits.max(initial=0) else grad

    def _wrong(self, x: np.ndarray, expected: str) -> ValueError:
        return ValueError(f"{self.label()}: x has shape {x.shape}, expected {expected}.")

    def _check_array(self, array: np.ndarray, name: str) -> None:
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{self.label()}: {name} is of type {type(array).__name__}, expected a NumPy array.")
        if array.dtype not in FLOATS:
            raise ValueError(
                f"{self.label()}: {name} is {array.dtype}, expected float32 or float64. Use {name}.astype(np.float32)."
            )


def sample(x: np.ndarray) -> tuple[int, bytes]:
    """The exclusive or of all entries' bits, and some entries, an odd step apart: an even one would meet the same
    pixel of every image."""
    bits = x.view(f"u{x.itemsize}")
    return int(np.bitwise_xor.reduce(bits, axis=None)), x.flat[:: x.size // SAMPLED | 1].tobytes()
