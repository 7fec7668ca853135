"""Answers to lab 8: right ones, each written differently, and one plausible wrong one for each exercise."""

from collections import OrderedDict

import numpy as np
import torch

# Right answers, each written differently ----------------------------------------------------------


class Base:
    """The protocol once, for those who like to inherit."""

    def __init__(self, w, b=None):
        arrays = {"weight": w, "bias": b}
        self.params = OrderedDict((name, array) for name, array in arrays.items() if array is not None)
        self.grads = OrderedDict((name, array - array) for name, array in self.params.items())

    def zero_grad(self):
        for grad in self.grads.values():
            np.multiply(0, np.ones_like(grad), out=grad)

    def train(self):
        return self

    def eval(self):
        return self


class LinearByEinsum(Base):
    def forward(self, x):
        self.input = x.copy()
        return np.einsum("nd,kd->nk", x, self.params["weight"]) + self.params.get("bias", 0)

    def backward(self, dout):
        np.add(self.grads["weight"], np.einsum("nk,nd->kd", dout, self.input), out=self.grads["weight"])
        if len(self.grads) > 1:
            np.add(self.grads["bias"], np.einsum("nk->k", dout), out=self.grads["bias"])
        return np.einsum("nk,kd->nd", dout, self.params["weight"])


class LinearByLoops:
    """Copies of w and b, a default that is not asked for, and the dicts as properties made anew at each look."""

    def __init__(self, w, b=None, name="linear"):
        self.w, self.b, self.name = w.copy(), None if b is None else b.copy(), name
        self.dw, self.db = np.zeros_like(w), None if b is None else np.zeros_like(b)

    @property
    def params(self):
        return {"weight": self.w} if self.b is None else {"bias": self.b, "weight": self.w}

    @property
    def grads(self):
        return {"weight": self.dw} if self.b is None else {"bias": self.db[...], "weight": self.dw[:, :]}

    def forward(self, x):
        self.x = x
        out = np.zeros((len(x), len(self.w)), x.dtype, order="F")
        for n in range(len(x)):
            for k in range(len(self.w)):
                out[n, k] = sum(x[n, d] * self.w[k, d] for d in range(x.shape[1]))
                if self.b is not None:
                    out[n, k] += self.b[k]
        return out

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        for n, k in np.ndindex(dout.shape):
            dx[n] += dout[n, k] * self.w[k]
            self.dw[k] += dout[n, k] * self.x[n]
            if self.b is not None:
                self.db[k] += dout[n, k]
        del self.x  # it is used once
        return dx

    def zero_grad(self):
        self.dw.fill(0)
        if self.b is not None:
            self.db.fill(0)

    def train(self, mode=True):
        self.mode = mode

    def eval(self):
        self.train(False)


def linear_from_a_factory(w, b=None):
    """A function that makes the object; memories on a stack, as one that serves many forwards keeps them."""

    class Made(Base):
        def forward(self, x):
            self.memory = [*getattr(self, "memory", [])[-3:], x]
            out = self.params["weight"] @ x.T
            return (out if b is None else out + self.params["bias"][:, None]).T

        def backward(self, dout):
            self.grads["weight"][...] = self.grads["weight"] + np.tensordot(dout, self.memory[-1], (0, 0))
            if b is not None:
                self.grads["bias"][:] += np.ones(len(dout), dout.dtype) @ dout
            return (self.params["weight"].T @ dout.T).T

    return Made(w, b)


class LinearByTorch(Base):
    def forward(self, x):
        self.x = torch.tensor(x, requires_grad=True)
        self.tensors = [torch.tensor(one, requires_grad=True) for one in self.params.values()]
        self.out = torch.nn.functional.linear(self.x, *self.tensors)
        return self.out.detach().numpy()

    def backward(self, dout):
        dx, *found = torch.autograd.grad(self.out, [self.x, *self.tensors], torch.tensor(dout))
        for grad, new in zip(self.grads.values(), found):
            grad += new.numpy()
        return dx.numpy()


class ConvBase(Base):
    def __init__(self, w, b=None, stride=1, padding=0):
        super().__init__(w, b)
        self.s, self.p = stride, padding

    def pad(self, x):
        return np.pad(x, [(0, 0), (0, 0), (self.p, self.p), (self.p, self.p)])

    def crop(self, dx, x):
        return dx[:, :, self.p : self.p + x.shape[2], self.p : self.p + x.shape[3]]

    def add(self, dw, db):
        self.grads["weight"] += dw
        if "bias" in self.grads:
            self.grads["bias"] += db


class ConvByWindows(ConvBase):
    """Views of all windows; backward by turned kernels on a dout with gaps."""

    def windows(self, x):
        found = np.lib.stride_tricks.sliding_window_view(self.pad(x), self.params["weight"].shape[2:], (2, 3))
        return found[:, :, :: self.s, :: self.s]

    def forward(self, x):
        self.x = x
        out = np.tensordot(self.windows(x), self.params["weight"], ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        return out + self.params["bias"][:, None, None] if "bias" in self.params else out

    def backward(self, dout):
        self.add(np.einsum("nfij,ncijkl->fckl", dout, self.windows(self.x)), dout.sum((0, 2, 3)))
        w, (height, width) = self.params["weight"], [n + 2 * self.p for n in self.x.shape[2:]]
        KH, KW = w.shape[2:]
        gaps = np.zeros((*dout.shape[:2], height + KH - 1, width + KW - 1), dout.dtype)
        rows, columns = ((n - 1) * self.s + 1 for n in dout.shape[2:])
        gaps[:, :, KH - 1 : KH - 1 + rows : self.s, KW - 1 : KW - 1 + columns : self.s] = dout
        seen = np.lib.stride_tricks.sliding_window_view(gaps, (KH, KW), (2, 3))
        return self.crop(np.einsum("nfijkl,fckl->ncij", seen, w[:, :, ::-1, ::-1]), self.x)


class ConvByLoops(ConvBase):
    def forward(self, x):
        self.x, w = x, self.params["weight"]
        padded = self.pad(x)
        OH, OW = ((padded.shape[a] - w.shape[a]) // self.s + 1 for a in (2, 3))
        out = np.empty((len(x), len(w), OH, OW), x.dtype)
        for n, f, i, j in np.ndindex(out.shape):
            out[n, f, i, j] = np.sum(self.window(padded, n, i, j) * w[f])
            if "bias" in self.params:
                out[n, f, i, j] += self.params["bias"][f]
        return out

    def window(self, padded, n, i, j):
        KH, KW = self.params["weight"].shape[2:]
        return padded[n, :, i * self.s : i * self.s + KH, j * self.s : j * self.s + KW]

    def backward(self, dout):
        padded, w = self.pad(self.x), self.params["weight"]
        dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
        for n, f, i, j in np.ndindex(dout.shape):
            dw[f] += dout[n, f, i, j] * self.window(padded, n, i, j)
            self.window(dpadded, n, i, j)[...] += dout[n, f, i, j] * w[f]
        self.add(dw, [dout[:, f].sum() for f in range(len(w))])
        return self.crop(dpadded, self.x)


class ConvByColumns(ConvBase):
    """Patches as rows of a matrix."""

    def places(self, x):
        C, KH, KW = self.params["weight"].shape[1:]
        OH, OW = ((x.shape[a + 2] + 2 * self.p - k) // self.s + 1 for a, k in enumerate((KH, KW)))
        c, kh, kw = np.indices((C, KH, KW)).reshape(3, -1, 1)
        i, j = np.indices((OH, OW)).reshape(2, 1, -1) * self.s
        return (c, kh + i, kw + j), (OH, OW)

    def forward(self, x):
        self.x = x
        (c, i, j), size = self.places(x)
        self.columns = self.pad(x)[:, c, i, j]  # (N, C·KH·KW, OH·OW)
        w = self.params["weight"].reshape(len(self.params["weight"]), -1)
        out = w @ self.columns
        if "bias" in self.params:
            out += self.params["bias"][:, None]
        return out.reshape(len(x), -1, *size)

    def backward(self, dout):
        flat, w = dout.reshape(*dout.shape[:2], -1), self.params["weight"]
        self.add(np.einsum("nfo,nko->fk", flat, self.columns).reshape(w.shape), flat.sum(axis=2).sum(axis=0))
        (c, i, j), _ = self.places(self.x)
        dpadded = np.zeros_like(self.pad(self.x))
        np.add.at(dpadded, (slice(None), c, i, j), w.reshape(len(w), -1).T @ flat)
        return self.crop(dpadded, self.x)


class ConvByTorch(ConvBase):
    def forward(self, x):
        self.x = torch.tensor(x, requires_grad=True)
        self.tensors = [torch.tensor(one, requires_grad=True) for one in self.params.values()]
        self.out = torch.nn.functional.conv2d(self.x, *self.tensors, stride=self.s, padding=self.p)
        return self.out.detach().numpy()

    def backward(self, dout):
        dx, *found = torch.autograd.grad(self.out, [self.x, *self.tensors], torch.tensor(dout))
        self.add(found[0].numpy(), found[-1].numpy())
        return dx.numpy()


class RowOfProperties:
    """Everything asked for anew; a tuple of layers; recursion on the way back."""

    def __init__(self, layers):
        self.all = tuple(layers)

    def collect(self, what):
        found = {}
        for place in range(len(self.all)):
            for name in getattr(self.all[place], what):
                found[str(place) + "." + name] = getattr(self.all[place], what)[name]
        return found

    params = property(lambda self: self.collect("params"))
    grads = property(lambda self: self.collect("grads"))

    def forward(self, x):
        for layer in self.all:
            x = layer.forward(x)
        return x

    def backward(self, dout, last=None):
        last = len(self.all) if last is None else last
        return dout if last == 0 else self.backward(self.all[last - 1].backward(dout), last - 1)

    def zero_grad(self):
        [layer.zero_grad() for layer in self.all if layer.grads]

    def train(self):
        [layer.train() for layer in self.all]
        return self

    def eval(self):
        [layer.eval() for layer in self.all]
        return self


class RowOfDicts(dict):
    """A network that is a dict of its layers."""

    def __init__(self, layers):
        super().__init__(enumerate(layers))
        self.params, self.grads = OrderedDict(), OrderedDict()
        for index in reversed(self):
            self.params.update({f"{index}.{name}": array for name, array in self[index].params.items()})
            self.grads.update({f"{index}.{name}": array for name, array in self[index].grads.items()})

    def forward(self, x):
        for index in self:
            x = self[index].forward(x)
        return x

    def backward(self, dout):
        index = len(self)
        while index > 0:
            index -= 1
            dout = self[index].backward(dout)
        return dout

    def each(self, name):
        for layer in self.values():
            getattr(layer, name)()

    def zero_grad(self):
        self.each("zero_grad")

    def train(self):
        self.each("train")

    def eval(self):
        self.each("eval")


class RowInHalves:
    """The first layer and a network of the rest."""

    def __init__(self, layers):
        self.first, self.rest = (layers[0], RowOfProperties(layers[1:])) if layers else (None, RowOfProperties([]))
        self.params, self.grads = self.merged("params"), self.merged("grads")

    def merged(self, what):
        if self.first is None:
            return {}
        own = {f"0.{name}": array for name, array in getattr(self.first, what).items()}
        for name, array in getattr(self.rest, what).items():
            place, _, last = name.partition(".")
            own[f"{int(place) + 1}.{last}"] = array
        return own

    def forward(self, x):
        return self.rest.forward(x if self.first is None else self.first.forward(x))

    def backward(self, dout):
        dout = self.rest.backward(dout)
        return dout if self.first is None else self.first.backward(dout)

    def parts(self):
        return (self.rest,) if self.first is None else (self.first, self.rest)

    def zero_grad(self):
        for part in self.parts():
            part.zero_grad()

    def train(self):
        for part in self.parts():
            part.train()

    def eval(self):
        for part in self.parts():
            part.eval()


RIGHT = {
    "Linear": [LinearByEinsum, LinearByLoops, linear_from_a_factory, LinearByTorch],
    "Conv2d": [ConvByWindows, ConvByLoops, ConvByColumns, ConvByTorch],
    "Sequential": [RowOfProperties, RowOfDicts, RowInHalves],
}

# Wrong answers, in plain NumPy --------------------------------------------------------------------

WRONG = {
    "Linear": '''
class Linear:
    def __init__(self, w, b=None):
        self.params = {"weight": w} if b is None else {"weight": w, "bias": b}
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}

    def forward(self, x):
        self.x = x
        return x @ self.params["weight"].T + self.params.get("bias", 0)

    def backward(self, dout):
        self.grads["weight"] = dout.T @ self.x
        if "bias" in self.grads:
            self.grads["bias"] = dout.sum(axis=0)
        return dout @ self.params["weight"]

    def zero_grad(self):
        for grad in self.grads.values():
            grad[...] = 0

    def train(self):
        pass

    def eval(self):
        pass
''',
    "Conv2d": '''
class Conv2d:
    def __init__(self, w, b=None, stride=1, padding=0):
        self.params = {"weight": w} if b is None else {"weight": w, "bias": b}
        self.grads = {name: np.zeros_like(array) for name, array in self.params.items()}
        self.stride, self.padding = stride, padding

    def windows(self, x):
        p = self.padding
        padded = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
        found = np.lib.stride_tricks.sliding_window_view(padded, self.params["weight"].shape[2:], (2, 3))
        return padded, found[:, :, :: self.stride, :: self.stride]

    def forward(self, x):
        self.x = x
        out = np.einsum("ncijkl,fckl->nfij", self.windows(x)[1], self.params["weight"])
        return out + self.params["bias"][:, None, None] if "bias" in self.params else out

    def backward(self, dout):
        padded, windows = self.windows(self.x)
        self.grads["weight"] += np.einsum("nfij,ncijkl->fckl", dout, windows)
        if "bias" in self.grads:
            self.grads["bias"] += dout.sum(axis=(0, 2, 3))
        w, p, s = self.params["weight"], self.padding, self.stride
        dpadded = np.zeros_like(padded)
        for i, j in np.ndindex(dout.shape[2:]):
            part = dpadded[:, :, i * s : i * s + w.shape[2], j * s : j * s + w.shape[3]]
            part[...] = np.einsum("nf,fckl->nckl", dout[:, :, i, j], w)
        return dpadded[:, :, p : p + self.x.shape[2], p : p + self.x.shape[3]]

    def zero_grad(self):
        for grad in self.grads.values():
            grad[...] = 0

    def train(self):
        pass

    def eval(self):
        pass
''',
    "Sequential": '''
class Sequential:
    def __init__(self, layers):
        self.layers = layers
        counted = [layer for layer in layers if layer.params]
        self.params = {f"{i}.{name}": p for i, one in enumerate(counted) for name, p in one.params.items()}
        self.grads = {f"{i}.{name}": g for i, one in enumerate(counted) for name, g in one.grads.items()}

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in self.layers[::-1]:
            dout = layer.backward(dout)
        return dout

    def zero_grad(self):
        for layer in self.layers:
            layer.zero_grad()

    def train(self):
        for layer in self.layers:
            layer.train()

    def eval(self):
        for layer in self.layers:
            layer.eval()
''',
}
