"""Writes metrics.json: overlaps and border distances of masks, areas under ROC curves, by scipy's definitions.

Run as `/usr/bin/python3 metrics.py` beside the JSON (Debian python3-scipy 1.10, python3-numpy). Masks and scores are
drawn from a linear congruence that the test repeats; only results are stored.
"""
import json
import pathlib
import platform

import numpy as np
import scipy
from scipy import ndimage, stats

HEIGHT, WIDTH = 24, 31


def words(seed, count):
    out, state = [], seed
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(state >> 8)
    return out


def mask(seed):
    """Up to three discs; none for seed 0."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for k in range(seed % 4):
        a, b, r = words(100 * seed + k, 3)
        inside |= (y - a % HEIGHT) ** 2 + (x - b % WIDTH) ** 2 <= (4 + r % 8) ** 2
    return inside


def hd95(a, b):
    """medpy.metric.binary.hd95 0.4: both directions together, borders by erosion with four neighbours."""
    border = lambda m: m ^ ndimage.binary_erosion(m, ndimage.generate_binary_structure(2, 1))
    a, b = border(a), border(b)
    if not a.any() or not b.any():
        return 0.0 if not a.any() and not b.any() else float(np.hypot(HEIGHT, WIDTH))
    to = lambda m: ndimage.distance_transform_edt(~m)
    return float(np.percentile(np.hstack((to(b)[a], to(a)[b])), 95))


def overlap(predicted, truth):
    tp, fp, fn = ((predicted & truth).sum(), (predicted & ~truth).sum(), (~predicted & truth).sum())
    ratio = lambda part, whole: 1.0 if whole == 0 else float(part / whole)
    return {
        'dice': ratio(2 * tp, 2 * tp + fp + fn),
        'iou': ratio(tp, tp + fp + fn),
        'tversky': ratio(tp, tp + 0.3 * fp + 0.7 * fn),
        'precision': ratio(tp, tp + fp),
        'recall': ratio(tp, tp + fn),
        'hausdorff95': hd95(predicted, truth),
    }


def auroc(seed, count, levels):
    scores = np.array([w % levels for w in words(seed, count)])
    labels = np.array([w % 3 == 0 for w in words(seed + 1, count)])
    u = stats.mannwhitneyu(scores[labels], scores[~labels]).statistic
    return {'seed': seed, 'count': count, 'levels': levels, 'auroc': float(u / labels.sum() / (~labels).sum())}


pairs = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 3), (3, 1), (5, 6), (6, 7), (7, 7), (9, 11), (13, 14), (18, 15)]
golden = {
    'generator': 'packages/lab/test/metrics/golden/metrics.py',
    'versions': {'scipy': scipy.__version__, 'numpy': np.__version__, 'python': platform.python_version()},
    'size': [HEIGHT, WIDTH],
    'masks': [{'predicted': a, 'truth': b, **overlap(mask(a), mask(b))} for a, b in pairs],
    'auroc': [auroc(1, 10, 1000), auroc(2, 50, 5), auroc(3, 500, 2), auroc(4, 400, 10**6)],
}
path = pathlib.Path(__file__).with_suffix('.json')
path.write_text(json.dumps(golden, separators=(',', ':')).replace('{"', '\n{"') + '\n')
