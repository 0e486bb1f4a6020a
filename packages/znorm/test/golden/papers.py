"""Golden numbers from float64 NumPy, several steps of optimizers written from their papers. Run: python3 papers.py

Gradients are fixed in advance and float32. `updates` holds w_t − w_{t−1} of every step.
"""
import json
import pathlib
import platform

import numpy as np

# Layout is output-first: wide, tall and square matrices, and vectors.
SHAPES = {"conv/kernel": (3, 2, 3, 3), "fc/kernel": (6, 4), "fc/bias": (6,), "out/kernel": (4, 4), "embedding": (5, 3)}
STEPS = 5


def tensors(seed, scale):
    rng = np.random.RandomState(seed)
    return {
        path: np.float32(scale * rng.standard_normal(shape)).astype(np.float64) for path, shape in SHAPES.items()
    }


params = tensors(0, 0.5)
# Sizes differ from step to step, as gradients do.
gradients = [tensors(1 + step, scale) for step, scale in enumerate([1, 0.1, 3, 0.01, 0.5])]


def run(step):
    """`step(t, path, g, w, state)` gives the change of one tensor; t counts from 1."""
    weights = {path: w.copy() for path, w in params.items()}
    states = {path: {} for path in params}
    taken = []
    for t, gradient in enumerate(gradients, start=1):
        moved = {path: step(t, path, gradient[path], weights[path], states[path]) for path in params}
        weights = {path: w + moved[path] for path, w in weights.items()}
        taken.append(flat(moved))
    return taken


def norm(x):
    return np.sqrt(np.sum(x**2))


def adam_direction(t, g, state, b1, b2, eps):
    state["m"] = b1 * state.get("m", 0) + (1 - b1) * g
    state["v"] = b2 * state.get("v", 0) + (1 - b2) * g**2
    return state["m"] / (1 - b1**t) / (np.sqrt(state["v"] / (1 - b2**t)) + eps)


def lion(lr, b1, b2, decay):
    """Chen et al. 2023, algorithm 2."""

    def step(t, path, g, w, state):
        m = state.get("m", 0)
        c = np.sign(b1 * m + (1 - b1) * g)
        state["m"] = b2 * m + (1 - b2) * g
        return -lr * (c + decay * w)

    return run(step)


def lamb(lr, decay, b1=0.9, b2=0.999, eps=1e-6):
    """You et al. 2020, algorithm 2, with phi the identity."""

    def step(t, path, g, w, state):
        r = adam_direction(t, g, state, b1, b2, eps) + decay * w
        return -lr * norm(w) / norm(r) * r

    return run(step)


def lars(lr, decay, momentum, eta):
    """You et al. 2017, algorithm 1, with the norm of the sum as in Optax; vectors take plain momentum."""

    def step(t, path, g, w, state):
        r = g + decay * w
        local = eta * norm(w) / norm(r) if w.ndim > 1 else 1
        state["v"] = momentum * state.get("v", 0) + lr * local * r
        return -state["v"]

    return run(step)


def novograd(lr, decay, b1, b2, eps=1e-8):
    """Ginsburg et al. 2019, algorithm 1."""

    def step(t, path, g, w, state):
        square = norm(g) ** 2
        state["v"] = square if t == 1 else b2 * state["v"] + (1 - b2) * square
        direction = g / (np.sqrt(state["v"]) + eps) + decay * w
        state["m"] = direction if t == 1 else b1 * state["m"] + direction
        return -lr * state["m"]

    return run(step)


def orthogonalized(g, steps=5):
    """Jordan et al. 2024 by singular values: the odd polynomial acts on each alone."""
    matrix = g.reshape(g.shape[0], -1)
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    s = s / norm(s)
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    scale = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
    return scale * ((u * s) @ vt).reshape(g.shape)


def muon(lr, decay, momentum, adam_lr):
    """Jordan et al. 2024; vectors and embeddings take AdamW."""

    def step(t, path, g, w, state):
        if w.ndim < 2 or path == "embedding":
            return -adam_lr * (adam_direction(t, g, state, 0.9, 0.95, 1e-8) + decay * w)
        state["m"] = momentum * state.get("m", 0) + g
        return -lr * (orthogonalized(g + momentum * state["m"]) + decay * w)

    return run(step)


def schedule_free_adamw(lr, decay, b1, b2, warmup, eps=1e-8):
    """Defazio et al. 2024, algorithm 1, with the average weighed by squared rates as in section 4."""
    rates = [lr * min(t / warmup, 1) if warmup else lr for t in range(1, STEPS + 1)]

    def step(t, path, g, w, state):
        y = w
        z, x = state.get("z", y), state.get("x", y)
        state["v"] = b2 * state.get("v", 0) + (1 - b2) * g**2
        z = z - rates[t - 1] * (g / (np.sqrt(state["v"] / (1 - b2**t)) + eps) + decay * y)
        c = rates[t - 1] ** 2 / sum(rate**2 for rate in rates[:t])
        x = (1 - c) * x + c * z
        state.update(z=z, x=x)
        return (1 - b1) * z + b1 * x - y

    return run(step)


def lookahead_momentum(lr, momentum, k, alpha):
    """Zhang et al. 2019, algorithm 1, over momentum whose state goes on at the synchronizations."""

    def step(t, path, g, w, state):
        slow = state.setdefault("slow", w)
        state["m"] = momentum * state.get("m", 0) + g
        fast = w - lr * state["m"]
        if t % k == 0:
            state["slow"] = slow + alpha * (fast - slow)
            return state["slow"] - w
        return fast - w

    return run(step)


def flat(named):
    return {path: np.ravel(x).tolist() for path, x in named.items()}


golden = {
    "versions": {"numpy": np.__version__, "python": platform.python_version()},
    "shapes": SHAPES,
    "params": flat(params),
    "gradients": [flat(gradient) for gradient in gradients],
    "updates": {
        "lion": lion(1e-4, 0.9, 0.99, 0),
        "lionDecay": lion(1e-3, 0.8, 0.95, 0.1),
        "lamb": lamb(1e-3, 0),
        "lambDecay": lamb(0.01, 0.1, b1=0.8, b2=0.95, eps=1e-3),
        "lars": lars(1, 0.05, 0.9, 0.001),
        "novograd": novograd(0.01, 0, 0.95, 0.98),
        "novogradDecay": novograd(0.1, 0.05, 0.8, 0.5),
        "scheduleFreeAdamw": schedule_free_adamw(2.5e-3, 0, 0.9, 0.999, 0),
        "scheduleFreeAdamwWarm": schedule_free_adamw(0.01, 0.1, 0.8, 0.95, 3),
        "lookahead": lookahead_momentum(0.1, 0.9, 2, 0.3),
        "muon": muon(0.02, 0.1, 0.95, 3e-4),
    },
}

here = pathlib.Path(__file__).parent
(here / "papers.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
