"""A training step in PyTorch, timed on request: reads a number of steps a line, answers their milliseconds as JSON.

    python3 torch_train.py resnet20|resnet56|mlp BATCH THREADS
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


if which == "mlp":
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
