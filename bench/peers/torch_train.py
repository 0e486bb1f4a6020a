"""A training step in PyTorch, timed on request: reads a number of steps a line, answers their milliseconds as JSON.

    python3 torch_train.py resnet20|resnet56|transformer|mlp BATCH THREADS
"""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

which, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        projected = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
        self.shortcut = projected if stride != 1 else nn.Identity()

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def resnet(depth):
    layers, channels = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for filters in (16, 32, 64):
        for i in range((depth - 2) // 6):
            layers.append(Block(channels, filters, 2 if filters > 16 and i == 0 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Attention(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, h, mask):
        n, length, width = h.shape
        size = width // self.heads
        q, k, v = self.qkv(self.norm1(h)).view(n, length, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / size**0.5 + mask, -1)
        h = h + self.out((weights @ v).transpose(1, 2).reshape(n, length, width))
        return h + self.contract(F.gelu(self.expand(self.norm2(h))))


class Transformer(nn.Module):
    def __init__(self, vocabulary=96, context=128, layers=4, heads=4, width=128):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(context, width) * 0.02)
        self.layers = nn.ModuleList(Attention(width, heads, 4 * width) for _ in range(layers))
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.register_buffer("mask", torch.triu(torch.full((context, context), -1e9), 1))

    def forward(self, tokens):
        h = self.tokens(tokens) + self.positions
        for layer in self.layers:
            h = layer(h, self.mask)
        return self.output(self.norm(h)).flatten(0, 1)


if which == "transformer":
    model = Transformer()
    inputs, labels = torch.randint(0, 96, (batch, 128)), torch.randint(0, 96, (batch * 128,))
elif which == "mlp":
    model = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    inputs, labels = torch.randn(batch, 4), torch.arange(batch) % 2
else:
    model = resnet(int(which.removeprefix("resnet")))
    inputs, labels = torch.randn(batch, 3, 32, 32), torch.arange(batch) % 10
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def step():
    start = time.perf_counter()
    optimizer.zero_grad()
    logits = model(inputs)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    loss.item(), (logits.argmax(1) == labels).sum().item()
    return (time.perf_counter() - start) * 1e3


print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    print(json.dumps([step() for _ in range(int(line))]), flush=True)
