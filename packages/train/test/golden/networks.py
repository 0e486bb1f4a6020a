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

    def conv(self, path, x, filters, size, stride=1, bias=False):
        shape = (filters, x.shape[1], size, size)
        std = math.sqrt(2 / math.prod(shape[1:]))
        kernel = self.parameter(f"{path}/kernel", shape, lambda words, n: normal(words, n, std))
        return F.conv2d(x, kernel, self.zeros(f"{path}/bias", filters) if bias else None, stride, size // 2)

    def up(self, path, x, filters):
        shape = (x.shape[1], filters, 2, 2)
        std = math.sqrt(2 / (shape[0] * 4))
        kernel = self.parameter(f"{path}/kernel", shape, lambda words, n: normal(words, n, std))
        return F.conv_transpose2d(x, kernel, self.zeros(f"{path}/bias", filters), stride=2)

    def zeros(self, path, count):
        return self.parameter(path, (count,), lambda _, n: np.zeros(n, np.float32))

    def pool(self, x):
        """Two elements of a window must not be nearly equal, unless both are a ReLU's 0."""
        windows = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
        first, second = windows.topk(2, dim=-1).values.unbind(-1)
        gaps = (first - second)[first > 0]
        self.margin = min(self.margin, gaps.min().item() if gaps.numel() else math.inf)
        return F.max_pool2d(x, 2)

    def norm(self, path, x, kind="batch"):
        if kind == "none":
            return x
        channels = (x.shape[1],)
        gamma = self.parameter(f"{path}/gamma", channels, lambda _, n: np.ones(n, np.float32))
        beta = self.parameter(f"{path}/beta", channels, lambda _, n: np.zeros(n, np.float32))
        if kind != "batch":
            groups = {"layer": 1, "group": math.gcd(x.shape[1], 8), "instance": x.shape[1]}[kind]
            return F.group_norm(x, groups, gamma, beta, 1e-5)
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


def normalized(kind):
    """A convolution and its normalization; only without one has it a bias."""
    return lambda net, path, x, *shape: net.norm(
        f"{path}/norm", net.conv(f"{path}/conv", x, *shape, bias=kind == "none"), kind
    )


def resnet(depth, shortcut="projection", skips=True, kind="batch"):
    def forward(net, x):
        cn = lambda *args: normalized(kind)(net, *args)
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


def preactivation_resnet(depth, kind="batch"):
    def forward(net, x):
        bias = kind == "none"
        x = net.conv("stem", x, 16, 3, 1, bias)
        for stage, filters in enumerate((16, 32, 64), 1):
            for i in range((depth - 2) // 6):
                path, stride = f"stage{stage}/block{i}", 2 if stage > 1 and i == 0 else 1
                active = net.relu(net.norm(f"{path}/norm1", x, kind))
                half = net.conv(f"{path}/conv1", active, filters, 3, stride, bias)
                body = net.conv(f"{path}/conv2", net.relu(net.norm(f"{path}/norm2", half, kind)), filters, 3, 1, bias)
                x = body + (x if stride == 1 else net.conv(f"{path}/shortcut", active, filters, 1, stride, bias))
        return net.dense("output", net.relu(net.norm("norm", x, kind)).mean((2, 3)), 10)

    return forward


def densenet(depth, growth=12, kind="batch"):
    def forward(net, x):
        bias = kind == "none"
        x = net.conv("stem", x, 2 * growth, 3, 1, bias)
        for block in (1, 2, 3):
            for i in range((depth - 4) // 6):
                path = f"block{block}/layer{i}"
                y = net.conv(f"{path}/conv1", net.relu(net.norm(f"{path}/norm1", x, kind)), 4 * growth, 1, 1, bias)
                y = net.conv(f"{path}/conv2", net.relu(net.norm(f"{path}/norm2", y, kind)), growth, 3, 1, bias)
                x = torch.cat([x, y], 1)
            if block < 3:
                path = f"transition{block}"
                x = net.relu(net.norm(f"{path}/norm", x, kind))
                x = F.avg_pool2d(net.conv(f"{path}/conv", x, x.shape[1] // 2, 1, 1, bias), 2)
        return net.dense("output", net.relu(net.norm("norm", x, kind)).mean((2, 3)), 10)

    return forward


def vgg(counts, filters, kind="batch"):
    def forward(net, x):
        for stage, count in enumerate(counts):
            for i in range(count):
                x = net.relu(normalized(kind)(net, f"stage{stage}/layer{i}", x, filters * min(2**stage, 8), 3))
            x = net.pool(x)
        return net.dense("output", x.mean((2, 3)), 10)

    return forward


def cnn(filters, hidden, kind="none"):
    def forward(net, x):
        for i, channels in enumerate(filters):
            x = net.pool(net.relu(normalized(kind)(net, f"stage{i}", x, channels, 3)))
        return net.dense("output", net.relu(net.dense("hidden", x.flatten(1), hidden)), 10)

    return forward


def unet(filters, levels, residual=False, attention=False, kind="batch"):
    """All logits of a sample in one row, and a 6 without which no bias of the output would change the cross entropy."""

    def forward(net, x):
        cn = lambda *args: normalized(kind)(net, *args)

        def block(path, x, channels):
            body = cn(f"{path}/conv2", net.relu(cn(f"{path}/conv1", x, channels, 3)), channels, 3)
            return net.relu(body + cn(f"{path}/shortcut", x, channels, 1) if residual else body)

        def gated(path, skip, decoded):
            inner = skip.shape[1] // 2
            seen = cn(f"{path}/decoded", decoded, inner, 1) + cn(f"{path}/skip", skip, inner, 1)
            return skip * torch.sigmoid(cn(f"{path}/weight", net.relu(seen), 1, 1))

        def level(index, x):
            channels = filters * 2**index
            if index == levels:
                return block("bottom", x, channels)
            encoded = block(f"encoder{index}", x, channels)
            decoded = net.up(f"up{index}", level(index + 1, net.pool(encoded)), channels)
            skip = gated(f"gate{index}", encoded, decoded) if attention else encoded
            return block(f"decoder{index}", torch.cat([decoded, skip], 1), channels)

        return F.pad(net.conv("output", level(0, x), 1, 1, 1, bias=True).flatten(1), (0, 1), value=6)

    return forward


def mlp(hidden):
    def forward(net, x):
        x = x.flatten(1)
        for i, units in enumerate(hidden):
            x = net.relu(net.dense(f"hidden{i}", x, units))
        return net.dense("output", x, 10)

    return forward


def record(forward, seed, count, size=32):
    """The first inputs that no ReLU sees within 2e-6 of 0. Closer values may fall on either side of 0 in float32, and
    then a gradient differs by a finite amount: nothing that an implementation could do better."""
    for attempt in range(1000):
        words = stream(seed, "golden inputs", attempt)
        x = torch.from_numpy(normal(words, count * 3 * size**2, 1.0)).double().reshape(count, 3, size, size)
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
        "size": size,
        "loss": loss.item(),
        "evaluationLoss": evaluation.item(),
        "gradients": {path: projected(path, p.grad.numpy()) for path, p in net.parameters.items()},
        "buffers": {path: projected(path, b.numpy()) for path, b in net.buffers.items()},
    }


if __name__ == "__main__":
    golden = {
        "generator": "networks.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "networks": {
            "resnet20": record(resnet(20), seed=1, count=4),
            "resnet8-identity": record(resnet(8, shortcut="identity"), seed=2, count=4),
            "plain8": record(resnet(8, skips=False), seed=3, count=4),
            "mlp": record(mlp([48, 32]), seed=4, count=32),
            "resnet8-group": record(resnet(8, kind="group"), seed=5, count=2, size=16),
            "resnet8-layer": record(resnet(8, kind="layer"), seed=6, count=2, size=16),
            "resnet8-instance": record(resnet(8, kind="instance"), seed=7, count=2, size=16),
            "resnet8-none": record(resnet(8, kind="none"), seed=8, count=2, size=16),
            "preactivation8": record(preactivation_resnet(8), seed=9, count=4),
            "densenet10": record(densenet(10), seed=10, count=4, size=16),
            "vgg11": record(vgg([1, 1, 2, 2, 2], 8), seed=11, count=8),
            "cnn": record(cnn([8, 16], 32), seed=12, count=4, size=28),
            "cnn-batch": record(cnn([8, 16], 32, kind="batch"), seed=13, count=4, size=28),
            "unet": record(unet(8, 2), seed=14, count=2, size=16),
            "unet-residual": record(unet(8, 2, residual=True), seed=15, count=2, size=16),
            "unet-attention": record(unet(8, 2, attention=True), seed=16, count=2, size=16),
            "unet-none": record(unet(8, 2, kind="none"), seed=17, count=2, size=16),
        },
    }
    with open("networks.json", "w") as file:
        json.dump(golden, file, indent=0)
