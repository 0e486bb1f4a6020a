"""Golden numbers from PyTorch: optimizers, learning-rate schedules and gradient clipping. Run: python3 optimizers.py

Gradients are fixed in advance and float32; PyTorch computes in float64, so the numbers are its definitions, not its
rounding. `updates` holds w_t − w_{t−1} of every step.
"""
import inspect
import json
import pathlib
import platform
import sys

import numpy as np
import torch

# PyTorch 1.13 counts β_t twice in the product up to t + 1; corrected in 2.0, as its documentation always had it.
nadam = sys.modules["torch.optim.nadam"]
source = inspect.getsource(nadam._single_tensor_nadam)
assert "mu_product * mu * mu_next" in source
exec(source.replace("mu_product * mu * mu_next", "mu_product * mu_next"), nadam.__dict__)

optim, sched = torch.optim, torch.optim.lr_scheduler

STEPS = 5
SHAPES = {"conv/kernel": (3, 2, 3, 3), "fc/kernel": (4, 6), "fc/bias": (4,)}


def tensors(seed, scale):
    rng = np.random.RandomState(seed)
    return {
        path: torch.tensor(np.float32(scale * rng.standard_normal(shape)), dtype=torch.float64)
        for path, shape in SHAPES.items()
    }


def flat(named):
    return {path: x.detach().flatten().tolist() for path, x in named.items()}


params = tensors(0, 0.5)
# Sizes differ from step to step, as gradients do.
gradients = [tensors(1 + step, scale) for step, scale in enumerate([1, 0.1, 3, 0.01, 0.5])]


def updates(make, make_schedule=None):
    weights = {path: x.clone().requires_grad_() for path, x in params.items()}
    optimizer = make(list(weights.values()))
    schedule = make_schedule(optimizer) if make_schedule else None
    taken = []
    for gradient in gradients:
        before = {path: w.detach().clone() for path, w in weights.items()}
        for path, w in weights.items():
            w.grad = gradient[path].clone()
        optimizer.step()
        if schedule:
            schedule.step()
        taken.append(flat({path: w - before[path] for path, w in weights.items()}))
    return taken


def rates(make_schedule, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = make_schedule(optimizer)
    taken = []
    for _ in range(steps):
        taken.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return taken


# A plateau, an improvement too small to count, a better value, a rise, and a fall during the cooldown.
LOSSES = [2, 1, 1, 0.99995, 1, 1, 0.8, 0.9, 0.9, 0.9, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]


def plateau(values, **options):
    """The rate after each observation."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = sched.ReduceLROnPlateau(optimizer, **options)
    taken = []
    for value in values:
        schedule.step(value)
        taken.append(optimizer.param_groups[0]["lr"])
    return taken


def clipped(clip):
    weights = {path: x.clone().requires_grad_() for path, x in params.items()}
    for path, w in weights.items():
        w.grad = gradients[2][path].clone()
    clip(list(weights.values()))
    return flat({path: w.grad for path, w in weights.items()})


golden = {
    "versions": {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
    "shapes": SHAPES,
    "params": flat(params),
    "gradients": [flat(gradient) for gradient in gradients],
    "updates": {
        "sgd": updates(lambda p: optim.SGD(p, lr=0.1)),
        "sgdWeightDecay": updates(lambda p: optim.SGD(p, lr=0.1, weight_decay=0.05)),
        "momentum": updates(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=5e-4)),
        "momentumNesterov": updates(lambda p: optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True)),
        "momentumDampening": updates(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3)),
        "rmsprop": updates(lambda p: optim.RMSprop(p)),
        "rmspropMomentum": updates(lambda p: optim.RMSprop(p, lr=1e-3, alpha=0.9, momentum=0.9, weight_decay=0.01)),
        "adam": updates(lambda p: optim.Adam(p)),
        "adamOptions": updates(lambda p: optim.Adam(p, lr=3e-3, betas=(0.8, 0.95), eps=1e-3)),
        "adamw": updates(lambda p: optim.AdamW(p)),
        "adamwCosine": updates(
            lambda p: optim.AdamW(p, lr=1e-2, weight_decay=0.1), lambda o: sched.CosineAnnealingLR(o, T_max=4)
        ),
        "nadam": updates(lambda p: optim.NAdam(p)),
        "nadamOptions": updates(
            lambda p: optim.NAdam(p, lr=1e-2, betas=(0.8, 0.95), eps=1e-3, momentum_decay=0.5, weight_decay=0.1)
        ),
        "adamax": updates(lambda p: optim.Adamax(p)),
        "adamaxOptions": updates(
            lambda p: optim.Adamax(p, lr=1e-2, betas=(0.8, 0.5), eps=1e-2, weight_decay=0.1)
        ),
        "adagrad": updates(lambda p: optim.Adagrad(p)),
        "adagradOptions": updates(
            lambda p: optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.3, eps=1e-3, weight_decay=0.1)
        ),
        "adadelta": updates(lambda p: optim.Adadelta(p)),
        "adadeltaOptions": updates(lambda p: optim.Adadelta(p, lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1)),
        "sgdStep": updates(lambda p: optim.SGD(p, lr=0.1), lambda o: sched.StepLR(o, step_size=2, gamma=0.5)),
    },
    "rates": {
        "cosine": rates(lambda o: sched.CosineAnnealingLR(o, T_max=20, eta_min=0.001), 21),
        "step": rates(lambda o: sched.StepLR(o, step_size=5, gamma=0.2), 21),
        "multiStep": rates(lambda o: sched.MultiStepLR(o, milestones=[3, 11], gamma=0.1), 21),
        "linear": rates(lambda o: sched.LinearLR(o, start_factor=1.0, end_factor=0.25, total_iters=15), 21),
        "polynomial": rates(lambda o: sched.PolynomialLR(o, total_iters=15, power=1.7), 21),
        "exponential": rates(lambda o: sched.ExponentialLR(o, gamma=0.9), 21),
        "triangular": rates(
            lambda o: sched.CyclicLR(o, 0.01, 0.1, step_size_up=3, step_size_down=5, cycle_momentum=False), 21
        ),
        "triangular2": rates(
            lambda o: sched.CyclicLR(o, 0.01, 0.1, step_size_up=4, mode="triangular2", cycle_momentum=False), 21
        ),
        "expRange": rates(
            lambda o: sched.CyclicLR(
                o, 0.01, 0.1, step_size_up=4, mode="exp_range", gamma=0.95, cycle_momentum=False
            ),
            21,
        ),
        "oneCycle": rates(lambda o: sched.OneCycleLR(o, 0.1, total_steps=21, cycle_momentum=False), 21),
        "oneCycleLinear": rates(
            lambda o: sched.OneCycleLR(
                o, 0.1, total_steps=21, pct_start=0.5, anneal_strategy="linear", div_factor=10,
                final_div_factor=100, cycle_momentum=False,
            ),
            21,
        ),
    },
    "plateaus": {
        "losses": LOSSES,
        "min": plateau(LOSSES, patience=2),
        "cooldown": plateau(LOSSES, factor=0.5, patience=1, cooldown=2, threshold=0.05, min_lr=0.02),
        "max": plateau([-loss for loss in LOSSES], mode="max", factor=0.3, patience=3),
    },
    "clipped": {
        "norm": clipped(lambda p: torch.nn.utils.clip_grad_norm_(p, 1.0)),
        "looseNorm": clipped(lambda p: torch.nn.utils.clip_grad_norm_(p, 1000.0)),
        "value": clipped(lambda p: torch.nn.utils.clip_grad_value_(p, 0.5)),
    },
}

here = pathlib.Path(__file__).parent
(here / "optimizers.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
