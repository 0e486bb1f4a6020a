"""ResNet-20 on all of CIFAR-10 for five epochs in PyTorch: the recipe of train.mjs, to compare final accuracies.

    OMP_WAIT_POLICY=passive OMP_PROC_BIND=true OPENBLAS_CORETYPE=SKYLAKEX python3 train_torch.py CIFAR10_FOLDER [seed] [threads]

Batch 128, momentum 0.9, learning rate 0.1 falling as half a cosine to 0 over all steps, no weight decay, crops of
4 padded pixels, flips. Prints one JSON line an epoch.
"""
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

folder, seed, threads = sys.argv[1], int((sys.argv + [0])[2]) if len(sys.argv) > 2 else 0, int(sys.argv[3]) if len(sys.argv) > 3 else 2
torch.set_num_threads(threads)
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
EPOCHS, BATCH, RATE = 5, 128, 0.1


def read(name):
    rows = np.fromfile(f"{folder}/{name}.bin", dtype=np.uint8).reshape(-1, 3073)
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].astype(np.int64)


parts = [read(f"data_batch_{i}") for i in range(1, 6)]
images, labels = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
test_images, test_labels = read("test_batch")
mean = images.mean((0, 2, 3), dtype=np.float64) / 255
std = np.sqrt((images.astype(np.float32) ** 2).mean((0, 2, 3), dtype=np.float64) / 255**2 - mean**2)
normalize = lambda x: torch.from_numpy(((x / 255 - mean[:, None, None]) / std[:, None, None]).astype(np.float32))


def augment(x):
    padded = np.pad(x, ((0, 0), (0, 0), (4, 4), (4, 4)))
    out = np.empty_like(x)
    for i in range(len(x)):
        down, right = rng.integers(0, 9, 2)
        crop = padded[i, :, down : down + 32, right : right + 32]
        out[i] = crop[:, :, ::-1] if rng.integers(2) else crop
    return out


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.short = nn.Identity()
        if stride != 1:
            self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        blocks, inputs = [], 16
        for outputs, stride in [(16, 1), (32, 2), (64, 2)]:
            for i in range(3):
                blocks.append(Block(inputs, outputs, stride if i == 0 else 1))
                inputs = outputs
        self.blocks, self.output = nn.Sequential(*blocks), nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, x):
        return self.output(self.blocks(F.relu(self.bn(self.stem(x)))).mean((2, 3)))


model = ResNet20()
optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
per_epoch = len(images) // BATCH
steps = EPOCHS * per_epoch
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (1 + math.cos(math.pi * t / steps)) / 2)
started = time.time()
for epoch in range(EPOCHS):
    model.train()
    order = rng.permutation(len(images))
    total = 0.0
    for step in range(per_epoch):
        chosen = order[step * BATCH : (step + 1) * BATCH]
        loss = F.cross_entropy(model(normalize(augment(images[chosen]))), torch.from_numpy(labels[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(normalize(test_images[i : i + 500])) for i in range(0, len(test_images), 500)])
    truth = torch.from_numpy(test_labels)
    print(
        json.dumps(
            {
                "engine": f"torch {torch.__version__}",
                "seed": seed,
                "epoch": epoch + 1,
                "trainLoss": round(total / per_epoch, 4),
                "testLoss": round(F.cross_entropy(logits, truth).item(), 4),
                "testAccuracy": (logits.argmax(1) == truth).float().mean().item(),
                "seconds": round(time.time() - started),
            }
        ),
        flush=True,
    )
