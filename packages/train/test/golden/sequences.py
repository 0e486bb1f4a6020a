"""Writes sequences.json: losses and gradients of transformers, from PyTorch in float64, as networks.py does.

    python3 sequences.py        (Debian python3-torch 1.13.1; seconds)
"""
import json
import math
import platform

import numpy as np
import torch
import torch.nn.functional as F

from networks import Network, normal, projected, stream, uniform


class SequenceNetwork(Network):
    """The layers of src/models/transformer.ts, their kernels normal with a larger deviation than there: with 0.02 the
    scores are so small that a mistake in attention would hardly show."""

    def normal(self, path, *shape):
        return self.parameter(path, shape, lambda words, n: normal(words, n, 0.2))

    def constant(self, path, size, value):
        return self.parameter(path, (size,), lambda _, n: np.full(n, value, np.float32))

    def linear(self, path, x, units):
        return F.linear(x, self.normal(f"{path}/kernel", units, x.shape[-1]), self.bias(path, x.shape[-1], units))

    def bias(self, path, inputs, units):
        if "expand" not in path and "contract" not in path:
            return self.constant(f"{path}/bias", units, 0)
        bound = 1 / math.sqrt(inputs)
        return self.parameter(f"{path}/bias", (units,), lambda words, n: uniform(words, n, bound))

    def layer_norm(self, path, x):
        gamma, beta = self.constant(f"{path}/gamma", x.shape[-1], 1), self.constant(f"{path}/beta", x.shape[-1], 0)
        return F.layer_norm(x, x.shape[-1:], gamma, beta, 1e-5)

    def rms_norm(self, path, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.constant(f"{path}/gamma", x.shape[-1], 1)

    def attention(self, path, x, memory, blocked, rotated=False):
        heads, (n, t, width), s = self.options["heads"], x.shape, memory.shape[1]
        q = self.linear(f"{path}/query", x, width)
        k = self.linear(f"{path}/key", memory, width)
        v = self.linear(f"{path}/value", memory, width)
        if rotated:
            q, k = self.turn(q), self.turn(k)
        apart = lambda y: y.reshape(n, y.shape[1], heads, width // heads).transpose(1, 2)
        scores = apart(q) @ apart(k).transpose(2, 3) / (width // heads) ** 0.5
        y = scores.masked_fill(blocked, -math.inf).softmax(-1) @ apart(v)
        return self.linear(f"{path}/output", y.transpose(1, 2).reshape(n, t, width), width)

    def turn(self, x):
        n, t, width = x.shape
        half = width // self.options["heads"] // 2
        pairs = x.reshape(n, t, -1, 2, half)
        angles = torch.arange(t).double()[:, None] * 10000 ** (-torch.arange(half).double() / half)
        turned = torch.complex(pairs[..., 0, :], pairs[..., 1, :]) * torch.polar(torch.ones_like(angles), angles)[:, None]
        return torch.stack([turned.real, turned.imag], 3).reshape(x.shape)

    def stack(self, prefix, tokens, vocabulary, blocked, memory=None, memory_blocked=None):
        """Returns the last vectors and the embeddings."""
        o = self.options
        norm = self.rms_norm if o.get("normalization") == "rms" else self.layer_norm
        rotated = o.get("positions") == "rotary"
        table = self.normal(f"{prefix}embedding/table", vocabulary, o["width"])
        h = F.embedding(tokens, table)
        if not rotated:
            h = h + self.normal(f"{prefix}positions/table", o["context"], o["width"])[: tokens.shape[1]]
        for i in range(o["layers"]):
            at = f"{prefix}layer{i}"
            x = norm(f"{at}/attentionNorm", h)
            h = h + self.attention(f"{at}/attention", x, x, blocked, rotated)
            if memory is not None:
                h = h + self.attention(f"{at}/memoryAttention", norm(f"{at}/memoryAttentionNorm", h), memory, memory_blocked)
            x = norm(f"{at}/feedForwardNorm", h)
            x = F.gelu(self.linear(f"{at}/feedForward/expand", x, 4 * o["width"]))
            h = h + self.linear(f"{at}/feedForward/contract", x, o["width"])
        return norm(f"{prefix}norm", h), table

    def logits(self, prefix, h, table):
        tied = self.options.get("tied")
        return h @ (table if tied else self.normal(f"{prefix}output/kernel", self.options["vocabulary"], h.shape[-1])).T


def gru(seed, count, length, vocabulary, units):
    """PyTorch's own nn.GRU between embeddings and an output, predicting each next token."""
    net = SequenceNetwork(seed)
    tokens = tokens_of(seed, count, length + 1, vocabulary)
    x = F.embedding(tokens[:, :-1], net.normal("embedding/table", vocabulary, units))
    layer = torch.nn.GRU(units, units, batch_first=True).double()
    own = {}
    for part, suffix in (("input", "ih"), ("state", "hh")):
        own[f"gru/{part}/kernel"] = getattr(layer, f"weight_{suffix}_l0")
        own[f"gru/{part}/bias"] = getattr(layer, f"bias_{suffix}_l0")
    for path, tensor in own.items():
        draw = normal if tensor.ndim > 1 else uniform
        drawn = draw(stream(seed, f"parameter {path}"), tensor.numel(), 0.2 if tensor.ndim > 1 else 1 / math.sqrt(units))
        tensor.data.copy_(torch.from_numpy(drawn).double().reshape(tensor.shape))
    net.parameters |= own
    h, _ = layer(x)
    logits = h @ net.normal("output/kernel", vocabulary, units).T
    loss = F.cross_entropy(logits.reshape(-1, vocabulary), tokens[:, 1:].reshape(-1))
    loss.backward()
    return {
        "seed": seed,
        "count": count,
        "length": length,
        "sourceLength": None,
        "options": {"vocabulary": vocabulary, "width": units},
        "tokens": tokens.flatten().tolist(),
        "source": [],
        "loss": loss.item(),
        "gradients": {path: projected(path, p.grad.numpy()) for path, p in net.parameters.items()},
    }


def tokens_of(seed, count, length, vocabulary, paddings=()):
    """Drawn from a stream by its high bits; the last `paddings[i]` of row i are 0, which is drawn nowhere else."""
    words = stream(seed, "golden tokens")
    rows = [[1 + (next(words) * (vocabulary - 1) >> 32) for _ in range(length)] for _ in range(count)]
    for row, padding in zip(rows, paddings):
        row[length - padding :] = [0] * padding
    return torch.tensor(rows)


def sequence(seed, count, length, source_length=None, **options):
    """Predicts each next token; with a source, one that is padded, as are the targets, whose padding is ignored."""
    net = SequenceNetwork(seed)
    net.options = options
    paddings = list(range(count)) if source_length else []
    tokens = tokens_of(seed, count, length + 1, options["vocabulary"], paddings)
    future = torch.ones(length, length).triu(1).bool()
    if source_length:
        source = tokens_of(seed + 1, count, source_length, options["vocabulary"], paddings)
        hidden = (source == 0)[:, None, None, :]
        memory, _ = net.stack("encoder/", source, options["vocabulary"], hidden)
        h, table = net.stack("decoder/", tokens[:, :-1], options["vocabulary"], future, memory, hidden)
        logits = net.logits("decoder/", h, table)
    else:
        logits = net.logits("", *net.stack("", tokens[:, :-1], options["vocabulary"], future))
    labels = tokens[:, 1:].reshape(-1)
    loss = F.cross_entropy(logits.reshape(-1, options["vocabulary"]), labels, ignore_index=0)
    loss.backward()
    return {
        "seed": seed,
        "count": count,
        "length": length,
        "sourceLength": source_length,
        "options": options,
        "tokens": tokens.flatten().tolist(),
        "source": source.flatten().tolist() if source_length else [],
        "loss": loss.item(),
        "gradients": {path: projected(path, p.grad.numpy()) for path, p in net.parameters.items()},
    }


golden = {
    "generator": "sequences.py",
    "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    "sequences": {
        "transformer": sequence(5, 3, 12, vocabulary=17, context=16, layers=2, heads=4, width=32),
        "rotary-rms-tied": sequence(
            6, 2, 9, vocabulary=13, context=9, layers=2, heads=2, width=16, positions="rotary", normalization="rms", tied=True
        ),
        "gru": gru(8, 3, 6, 9, 12),
        "encoder-decoder": sequence(7, 3, 7, 6, vocabulary=15, context=8, layers=2, heads=2, width=16),
    },
}
with open("sequences.json", "w") as file:
    json.dump(golden, file, indent=0)
