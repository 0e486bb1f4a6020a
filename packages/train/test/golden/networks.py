"""Writes networks.json: losses, gradients and running statistics of whole networks, from PyTorch in float64.

    python3 networks.py        (Debian python3-torch 1.13.1; a minute)

Weights and inputs are not stored: this file draws them again, bit for bit, from the streams of src/random.ts.
A gradient of 270,000 numbers is stored as its norm and 32 projections: the sums of its elements under 32 random
signs each, bit k of the k-th sign word. For any error e, the mean of the squared projections of e estimates the
squared norm of e, as a chi-squared variable with 32 degrees of freedom over 32: the true error is more than twice
the estimate with a probability of 5e-6, more than four times with 2e-14.
"""
import json
import math
import platform

import numpy as np
import torch
import torch.nn.functional as F

WORD, LONG = 2**32 - 1, 2**64 - 1


def murmur3(key, seed):
    rotate = lambda x, r: ((x << r) | (x >> (32 - r))) & WORD
    mix = lambda k: rotate(k * 0xCC9E2D51 & WORD, 15) * 0x1B873593 & WORD
    h, blocks = seed, len(key) // 4
    for i in range(blocks):
        h = (rotate(h ^ mix(int.from_bytes(key[4 * i : 4 * i + 4], "little")), 13) * 5 + 0xE6546B64) & WORD
    h ^= mix(int.from_bytes(key[4 * blocks :], "little")) ^ len(key)
    h = (h ^ h >> 16) * 0x85EBCA6B & WORD
    h = (h ^ h >> 13) * 0xC2B2AE35 & WORD
    return h ^ h >> 16


def stream(seed, name, *counters):
    """xoroshiro128+, the low 32 bits of each sum."""
    key = json.dumps([seed, name, *counters], separators=(",", ":")).encode()
    lanes = [murmur3(key, lane) for lane in range(4)]
    s0, s1 = lanes[0] << 32 | lanes[1], lanes[2] << 32 | lanes[3]
    while True:
        yield (s0 + s1) & WORD
        t = s0 ^ s1
        s0 = ((s0 << 24 | s0 >> 40) ^ t ^ t << 16) & LONG
        s1 = (t << 37 | t >> 27) & LONG


def logarithm(x):
    halvings = 0
    while x < math.sqrt(0.5):
        x, halvings = 2 * x, halvings + 1
    t, series = (x - 1) / (x + 1), 0.0
    for power in range(21, 0, -2):
        series = series * t * t + 1 / power
    return 2 * t * series - halvings * math.log(2)


def normal(words, count, std):
    out = []
    while len(out) < count:
        u, v = (-1 + 2 * (next(words) * 2**-32) for _ in range(2))
        s = u * u + v * v
        if s >= 1 or s == 0:
            continue
        factor = math.sqrt(-2 * logarithm(s) / s)
        out += [std * (u * factor), std * (v * factor)]
    return np.array(out[:count], dtype=np.float32)


def uniform(words, count, bound):
    return np.array([-bound + 2 * bound * (next(words) * 2**-32) for _ in range(count)], dtype=np.float32)


def projected(path, values):
    words = np.fromiter(stream(0, f"projection {path}"), dtype=np.uint64, count=values.size)
    signs = 1.0 - 2.0 * ((words[None, :] >> np.arange(32, dtype=np.uint64)[:, None]) & np.uint64(1))
    flat = values.reshape(-1)
    return {"norm": rounded(np.linalg.norm(flat)), "projections": [rounded(x) for x in signs @ flat]}


rounded = lambda x: float(f"{x:.10g}")


class Network:
    """Declares parameters and buffers by path, as src/layers do, and remembers them."""

    def __init__(self, seed):
        self.seed, self.parameters, self.buffers, self.training = seed, {}, {}, True
        self.margin = math.inf

    def parameter(self, path, shape, draw):
        if path not in self.parameters:
            values = draw(stream(self.seed, f"parameter {path}"), math.prod(shape))
            self.parameters[path] = torch.from_numpy(values).double().reshape(shape).requires_grad_()
        return self.parameters[path]

    def conv(self, path, x, filters, size, stride):
        shape = (filters, x.shape[1], size, size)
        std = math.sqrt(2 / math.prod(shape[1:]))
        kernel = self.parameter(f"{path}/kernel", shape, lambda words, n: normal(words, n, std))
        return F.conv2d(x, kernel, stride=stride, padding=size // 2)

    def norm(self, path, x):
        channels = (x.shape[1],)
        gamma = self.parameter(f"{path}/gamma", channels, lambda _, n: np.ones(n, np.float32))
        beta = self.parameter(f"{path}/beta", channels, lambda _, n: np.zeros(n, np.float32))
        mean = self.buffers.setdefault(f"{path}/mean", torch.zeros(channels, dtype=torch.float64))
        variance = self.buffers.setdefault(f"{path}/variance", torch.ones(channels, dtype=torch.float64))
        return F.batch_norm(x, mean, variance, gamma, beta, self.training, 0.1, 1e-5)

    def relu(self, x):
        self.margin = min(self.margin, x.abs().min().item())
        return F.relu(x)

    def dense(self, path, x, units):
        bound = 1 / math.sqrt(x.shape[1])
        kernel = self.parameter(f"{path}/kernel", (units, x.shape[1]), lambda words, n: uniform(words, n, bound))
        bias = self.parameter(f"{path}/bias", (units,), lambda words, n: uniform(words, n, bound))
        return F.linear(x, kernel, bias)


def resnet(depth, shortcut="projection", skips=True):
    def forward(net, x):
        cn = lambda path, x, *shape: net.norm(f"{path}/norm", net.conv(f"{path}/conv", x, *shape))
        x = net.relu(cn("stem", x, 16, 3, 1))
        for stage, filters in enumerate((16, 32, 64), 1):
            for i in range((depth - 2) // 6):
                path, stride = f"stage{stage}/block{i}", 2 if stage > 1 and i == 0 else 1
                y = cn(f"{path}/conv2", net.relu(cn(f"{path}/conv1", x, filters, 3, stride)), filters, 3, 1)
                if skips and stride == 2 and shortcut == "projection":
                    x = cn(f"{path}/shortcut", x, filters, 1, 2)
                elif skips and stride == 2:
                    x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, filters // 4, filters // 4))
                x = net.relu(x + y if skips else y)
        return net.dense("output", x.mean((2, 3)), 10)

    return forward


def mlp(hidden):
    def forward(net, x):
        x = x.flatten(1)
        for i, units in enumerate(hidden):
            x = net.relu(net.dense(f"hidden{i}", x, units))
        return net.dense("output", x, 10)

    return forward


def record(forward, seed, count):
    """The first inputs that no ReLU sees within 2e-6 of 0. Closer values may fall on either side of 0 in float32, and
    then a gradient differs by a finite amount: nothing that an implementation could do better."""
    for attempt in range(1000):
        words = stream(seed, "golden inputs", attempt)
        x = torch.from_numpy(normal(words, count * 3072, 1.0)).double().reshape(count, 3, 32, 32)
        labels = torch.arange(count) % 10
        net = Network(seed)
        loss = F.cross_entropy(forward(net, x), labels)
        if net.margin > 2e-6:
            break
    margin = net.margin
    loss.backward()
    net.training = False
    evaluation = F.cross_entropy(forward(net, x), labels)
    return {
        "seed": seed,
        "attempt": attempt,
        "margin": margin,
        "count": count,
        "loss": loss.item(),
        "evaluationLoss": evaluation.item(),
        "gradients": {path: projected(path, p.grad.numpy()) for path, p in net.parameters.items()},
        "buffers": {path: projected(path, b.numpy()) for path, b in net.buffers.items()},
    }


golden = {
    "generator": "networks.py",
    "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    "networks": {
        "resnet20": record(resnet(20), seed=1, count=4),
        "resnet8-identity": record(resnet(8, shortcut="identity"), seed=2, count=4),
        "plain8": record(resnet(8, skips=False), seed=3, count=4),
        "mlp": record(mlp([48, 32]), seed=4, count=32),
    },
}
with open("networks.json", "w") as file:
    json.dump(golden, file, indent=0)
