"""Golden numbers from float64 NumPy, written from the papers' formulas. Run: python3 transformations.py

znorm, scaleByStd and center in every scope, centralize, adaptive clipping, normalization by norm. Inputs are float32.
"""
import json
import pathlib
import platform

import numpy as np

# Layout is output-first. `head/kernel` has one output unit, `mix/kernel` one weight a unit.
SHAPES = {
    "conv/kernel": (4, 2, 3, 3),
    "conv/bias": (4,),
    "fc/kernel": (3, 8),
    "fc/bias": (3,),
    "head/kernel": (1, 5),
    "mix/kernel": (5, 1),
    "scale": (),
}
EPS = 1e-8


def tensors(seed, scale):
    rng = np.random.RandomState(seed)
    return {
        path: np.float32(scale * (rng.standard_normal(shape) + 0.3)).astype(np.float64)
        for path, shape in SHAPES.items()
    }


params = tensors(0, 0.1)
# Layers of very different size, as in a deep network.
sizes = {"conv/kernel": 1e-4, "conv/bias": 1e-2, "fc/kernel": 1, "fc/bias": 10, "head/kernel": 1, "mix/kernel": 0.1, "scale": 2}
gradients = {path: np.float32(g * sizes[path]).astype(np.float64) for path, g in tensors(1, 1).items()}


def layer(path):
    return path.rsplit("/", 1)[0]


def members(path, scope, population):
    """The gradients whose statistics `path` shares."""
    if scope == "global":
        return [gradients[p] for p in population]
    if scope == "layer":
        return [gradients[p] for p in population if layer(p) == layer(path)]
    return [gradients[path]]


def moments(path, scope, population):
    g = gradients[path]
    # Per output unit, where a unit has more than one weight.
    if scope == "output" and g.ndim > 1 and g[0].size > 1:
        axes = tuple(range(1, g.ndim))
        return g.mean(axes, keepdims=True), g.std(axes, keepdims=True)
    union = np.concatenate([x.ravel() for x in members(path, scope, population)])
    return union.mean(), union.std()


def standardized(scope, centred=True):
    population = [path for path, g in gradients.items() if g.size > 1]
    out = dict(gradients)
    for path in population:
        mean, std = moments(path, scope, population)
        out[path] = (gradients[path] - (mean if centred else 0)) / (std + EPS)
    return out


def centered(scope):
    population = [path for path, g in gradients.items() if g.size > 1]
    means = {path: moments(path, scope, population)[0] for path in population}
    return {path: g - means.get(path, 0) for path, g in gradients.items()}


def centralized():
    def one(g):
        return g - g.mean(tuple(range(1, g.ndim)), keepdims=True) if g.ndim > 1 and g[0].size > 1 else g

    return {path: one(g) for path, g in gradients.items()}


def unitwise_norm(x):
    """Brock et al. 2021, unitwise_norm, for an output-first layout."""
    if np.squeeze(x).ndim <= 1:
        return np.sqrt(np.sum(x**2, keepdims=True))
    return np.sqrt(np.sum(x**2, axis=tuple(range(1, x.ndim)), keepdims=True))


def adaptively_clipped(clipping, eps):
    """Brock et al. 2021, adaptive_grad_clip."""

    def one(g, w):
        limit = clipping * np.maximum(unitwise_norm(w), eps)
        norm = unitwise_norm(g)
        return np.where(norm < limit, g, g * (limit / np.maximum(norm, 1e-6)))

    return {path: one(g, params[path]) for path, g in gradients.items()}


def normalized(scope):
    def norm(path):
        g = gradients[path]
        if scope == "output" and g.ndim > 1 and g[0].size > 1:
            return np.sqrt((g**2).sum(tuple(range(1, g.ndim)), keepdims=True))
        return np.sqrt(sum((x**2).sum() for x in members(path, scope, gradients)))

    return {path: g / norm(path) for path, g in gradients.items()}


def flat(named):
    return {path: np.ravel(x).tolist() for path, x in named.items()}


scopes = ["tensor", "layer", "output", "global"]
golden = {
    "versions": {"numpy": np.__version__, "python": platform.python_version()},
    "shapes": SHAPES,
    "params": flat(params),
    "gradients": flat(gradients),
    "znorm": {scope: flat(standardized(scope)) for scope in scopes},
    "scaleByStd": {scope: flat(standardized(scope, centred=False)) for scope in scopes},
    "center": {scope: flat(centered(scope)) for scope in scopes},
    "centralize": flat(centralized()),
    "adaptiveClip": flat(adaptively_clipped(0.01, 1e-3)),
    "adaptiveClipLoose": flat(adaptively_clipped(0.5, 0.02)),
    "normalizeByNorm": {scope: flat(normalized(scope)) for scope in scopes},
}

here = pathlib.Path(__file__).parent
(here / "transformations.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
