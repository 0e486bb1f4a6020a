"""Writes reference.json beside this file: what scipy says of the numbers the tests use.

    /usr/bin/python3 packages/lab/test/stats/golden/generate.py

Tests read only the JSON. Every value is scipy's own; where scipy draws at random, the number of draws is recorded.
"""

import json
import pathlib
import platform

import numpy as np
import scipy
from scipy import special, stats

SAMPLES = {
    "three seeds": [0.7123, 0.7201, 0.6988],
    "five seeds": [0.7123, 0.7201, 0.6988, 0.7310, 0.7055],
    "eight, one outlier": [0.0184, 0.0151, 0.0203, -0.0911, 0.0177, 0.0098, 0.0120, 0.0165],
    "ties in size": [0.02, -0.02, 0.01, 0.03, 0.03, -0.01, 0.04],
    "twelve, skewed": [0.1, 0.12, 0.15, 0.16, 0.2, 0.22, 0.3, 0.35, 0.5, 0.8, 1.3, 2.9],
}


def mean(x, axis=-1):
    # Rounded, so that resamples which hold the same values in another order tie with each other.
    return np.round(np.mean(x, axis=axis), 13)


def student_t(level, df):
    """Two-sided quantile. Not stats.t.ppf, which is only good to about 5e-9 in this version."""
    return np.sqrt(df / special.betaincinv(df / 2, 0.5, 1 - level) - df)


def sample_reference(values):
    x = np.array(values)
    n = len(x)
    half = student_t(0.95, n - 1) * stats.sem(x)
    flips = stats.permutation_test(
        (x,), mean, vectorized=True, permutation_type="samples", n_resamples=np.inf
    )
    return {
        "values": values,
        "mean": x.mean(),
        "standardDeviation": x.std(ddof=1),
        "tInterval95": [x.mean() - half, x.mean() + half],
        "signFlipP": flips.pvalue,
        "interquartileMean": stats.trim_mean(x, 0.25),
    }


def bootstrap_reference(values, draws, repeats):
    """The mean over `repeats` independent scipy intervals, and how far those stray: the Monte Carlo error."""
    out = {"values": values, "draws": draws, "repeats": repeats}
    for method in ("percentile", "BCa"):
        intervals = [
            list(
                stats.bootstrap(
                    (np.array(values),), mean, vectorized=True, method=method, n_resamples=draws, random_state=seed
                ).confidence_interval
            )
            for seed in range(repeats)
        ]
        out[method.lower()] = {
            "interval": np.mean(intervals, axis=0).tolist(),
            "strayOfOne": np.std(intervals, axis=0, ddof=1).tolist(),
        }
    return out


def wilcoxon_reference(values):
    return {"values": values, "p": stats.wilcoxon(values, mode="exact").pvalue}


def improvement_reference(x, y):
    u = stats.mannwhitneyu(x, y).statistic
    return {"x": x, "y": y, "probability": u / (len(x) * len(y))}


reference = {
    "generator": "packages/lab/test/stats/golden/generate.py",
    "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
    "studentT": [
        {"level": level, "degreesOfFreedom": df, "t": student_t(level, df)}
        for level in (0.5, 0.9, 0.95, 0.99, 0.9999)
        for df in (1, 2, 3, 4, 5, 9, 10, 30, 101, 1000)
    ],
    "normal": [{"x": x, "cdf": stats.norm.cdf(x)} for x in (-6.0, -3.0, -1.96, -0.5, 0.0, 0.1, 1.0, 2.5, 5.0)],
    "normalQuantile": [{"p": p, "x": stats.norm.ppf(p)} for p in (0.0005, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9999)],
    "samples": {name: sample_reference(values) for name, values in SAMPLES.items()},
    "bootstrap": [
        bootstrap_reference(SAMPLES["five seeds"], 10_000, 40),
        bootstrap_reference(SAMPLES["twelve, skewed"], 10_000, 40),
    ],
    "wilcoxon": [
        wilcoxon_reference([0.011, 0.021, -0.003, 0.017, 0.008]),
        wilcoxon_reference([1.83, -0.5, 1.62, 2.48, 1.68, -1.88, 1.55, 3.06, 1.3]),
        wilcoxon_reference([0.01, 0.02, 0.03, 0.04, 0.05, 0.06]),
    ],
    "probabilityOfImprovement": [
        improvement_reference([0.71, 0.73, 0.75], [0.70, 0.72, 0.74]),
        improvement_reference([0.71, 0.71, 0.75, 0.8], [0.71, 0.75]),
    ],
}

target = pathlib.Path(__file__).with_name("reference.json")
target.write_text(json.dumps(reference, indent=1) + "\n")
print(f"wrote {target}")
