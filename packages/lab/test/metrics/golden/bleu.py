"""Writes bleu.json: BLEU by its definition, in Python's re and float64, for test/metrics/bleu.test.ts.

Run as `/usr/bin/python3 bleu.py` beside the JSON. sacreBLEU itself is not used: this is written anew from its
documentation and from Papineni et al. 2002. Its published figures are in the test as well.
"""
import collections
import json
import math
import pathlib
import platform
import re

RULES = [
    (r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", r" \1 "),
    (r"([^0-9])([\.,])", r"\1 \2 "),
    (r"([\.,])([^0-9])", r" \1 \2"),
    (r"([0-9])(-)", r"\1 \2 "),
]


def tokens(text):
    for old, new in (("<skipped>", ""), ("-\n", ""), ("\n", " "), ("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
        text = text.replace(old, new)
    text = f" {text} "
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text.split()


def grams(words, n):
    return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def bleu(hypotheses, references):
    matched, total, length, reference_length = [0] * 4, [0] * 4, 0, 0
    for i, hypothesis in enumerate(hypotheses):
        words, others = tokens(hypothesis), [tokens(r[i]) for r in references]
        length += len(words)
        reference_length += min((abs(len(o) - len(words)), len(o)) for o in others)[1]
        for n in range(4):
            most = collections.Counter()
            for other in others:
                most |= grams(other, n + 1)
            own = grams(words, n + 1)
            matched[n] += sum((own & most).values())
            total[n] += sum(own.values())
    if not any(matched) or 0 in total:
        return 0.0
    k, logs = 0, []
    for m, t in zip(matched, total):
        k += m == 0
        logs.append(math.log(100 * m / t if m else 100 / (2**k * t)))
    penalty = 1 if length >= reference_length else math.exp(1 - reference_length / length)
    return penalty * math.exp(sum(logs) / 4)


texts = [
    "Ein Mann in einem blauen Hemd steht auf einer Leiter.",
    "Zwei Hunde spielen im Schnee, der 1.5 Meter hoch liegt!",
    "A well-known 50-year-old man (left) said: \"it's 3,000.00 $\" & left...",
    "Preise: 10-20% -- &quot;gut&quot; &amp; g&lt;unstig&gt;; e-mail an a.b@c.de/x",
    "Größe ist kein Übel ; « so » sagt man — 日本語 。 5. Mai, 7,5 km",
]


def changed(text, k):
    words = text.split()
    return " ".join(word for i, word in enumerate(words) if (i * 7 + k) % 5) if k else text


cases = []
for hypothesis, reference in (([changed(t, k) for t in texts], [texts]) for k in range(4)):
    cases.append({"hypotheses": hypothesis, "references": reference})
cases.append({"hypotheses": texts[:2], "references": [[changed(t, 1) for t in texts[:2]], [changed(t, 2) for t in texts[:2]]]})
cases.append({"hypotheses": ["a b c d e"], "references": [["a c b e d"]]})
cases.append({"hypotheses": ["the cat"], "references": [["the cat sat"]]})
golden = {
    "generator": "packages/lab/test/metrics/golden/bleu.py",
    "versions": {"python": platform.python_version()},
    "tokens": [{"text": t, "tokens": tokens(t)} for t in texts],
    "corpora": [{**case, "bleu": bleu(**case)} for case in cases],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
