"""Writes operators.json: results and gradients of PyTorch in float64, for packages/train/test/autodiff/golden.test.ts.

Run as `/usr/bin/python3 operators.py` beside the JSON (Debian python3-torch 1.13). Inputs are multiples of 1/512
from a linear congruence, exact in float32, so that the test can make them again; only results are stored.
"""
import json
import math
import pathlib
import platform

import torch
import torch.nn.functional as F


def numbers(shape, seed):
    count = 1
    for size in shape:
        count *= size
    return torch.tensor([((i * 193 + seed * 71) % 1021 - 510) / 512 for i in range(count)], dtype=torch.float64).reshape(shape)


def listed(tensor):
    return [float(f'{value:.10g}') for value in tensor.detach().flatten().tolist()]


def case(name, shapes, f, **options):
    """Σ cotangent · result is differentiated for all inputs; cotangents are drawn like inputs, after them."""
    inputs = [numbers(shape, k + 1).requires_grad_() for k, shape in enumerate(shapes)]
    results = f(*inputs)
    results = results if isinstance(results, tuple) else (results,)
    loss = sum((r * numbers(r.shape, len(shapes) + 1 + k)).sum() for k, r in enumerate(results))
    loss.backward()
    return {
        'name': name,
        'shapes': shapes,
        **options,
        'results': [listed(r) for r in results],
        'gradients': [listed(x.grad) for x in inputs],
    }


def convolution(name, x, kernel, bias=False, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1), group=1):
    top, left, bottom, right = pads
    shapes = [x, kernel] + ([[kernel[0]]] if bias else [])
    f = lambda x, w, b=None: F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, group)
    return case(name, shapes, f, options={'strides': stride, 'pads': pads, 'dilations': dilation, 'group': group})


def transposed(name, x, kernel, stride=1, padding=0, output_padding=0, dilation=1, group=1):
    f = lambda x, w: F.conv_transpose2d(x, w, None, stride, padding, output_padding, group, dilation)
    options = {'strides': stride, 'pads': padding, 'outputPads': output_padding, 'dilations': dilation, 'group': group}
    return case(name, [x, kernel], f, options=options)


def batch_norm(name, shape, eps):
    """Also the running statistics after one step with momentum 1: the mean and the unbiased variance."""
    mean, variance = torch.zeros(shape[1], dtype=torch.float64), torch.ones(shape[1], dtype=torch.float64)
    made = case(name, [shape, [shape[1]], [shape[1]]], lambda x, w, b: F.batch_norm(x, mean, variance, w, b, True, 1.0, eps), eps=eps)
    return {**made, 'mean': listed(mean), 'variance': listed(variance)}


def pool(name, f, **options):
    return case(name, [[2, 2, 6, 5]], f, options=options)


def cross_entropy(name, shape):
    labels = torch.tensor([(i * 3 + 1) % shape[1] for i in range(shape[0])])
    return case(name, [shape], lambda x: F.cross_entropy(x * 4, labels), labels=labels.tolist())


def masked(name, f, **options):
    """Logits [3, 1, 4, 5] times 4 against masks of which the second is empty."""
    shape = [3, 1, 4, 5]
    masks = torch.tensor([float(i % 3 == 0 and i // 20 != 1) for i in range(60)], dtype=torch.float64).reshape(shape)
    return case(name, [shape], lambda x: f(x * 4, masks), masks=masks.flatten().tolist(), options=options)


def focal(x, t, alpha=0.25, gamma=2):
    """torchvision.ops.sigmoid_focal_loss 0.14 with reduction='mean'."""
    p = torch.sigmoid(x)
    p_t = p * t + (1 - p) * (1 - t)
    alpha_t = alpha * t + (1 - alpha) * (1 - t)
    return (alpha_t * (1 - p_t) ** gamma * F.binary_cross_entropy_with_logits(x, t, reduction='none')).mean()


def tversky(x, t, smooth=1, alpha=0.5, beta=0.5, dims=(0, 1, 2, 3)):
    p = torch.sigmoid(x)
    tp, fp, fn = (p * t).sum(dims), (p * (1 - t)).sum(dims), ((1 - p) * t).sum(dims)
    return (1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)).mean()


def dice(x, t, smooth=1, dims=(0, 1, 2, 3)):
    p = torch.sigmoid(x)
    return (1 - (2 * (p * t).sum(dims) + smooth) / (p.sum(dims) + t.sum(dims) + smooth)).mean()


def resized(name, shape, size, mode):
    modes = {'nearest': {'mode': 'nearest-exact'}, 'bilinear': {'mode': 'bilinear', 'align_corners': False}}
    return case(name, [shape], lambda x: F.interpolate(x, size=size, **modes[mode]), options={'size': size, 'mode': mode})



def attention(name, n, t, s, width, heads, causal=False, hidden=()):
    """PyTorch's own multi-head attention between given projections; `hidden` lists pairs of sample and key."""
    mask = torch.zeros(n, 1, 1, s, dtype=torch.bool)
    for sample, key in hidden:
        mask[sample, 0, 0, key] = True
    blocked = mask | torch.ones(t, s).triu(1).bool() if causal else mask

    def f(q, k, v):
        apart = lambda x: x.reshape(n, x.shape[1], heads, width // heads).transpose(1, 2)
        scores = apart(q) @ apart(k).transpose(2, 3) / (width // heads) ** 0.5
        y = scores.masked_fill(blocked, -math.inf).softmax(-1) @ apart(v)
        return y.transpose(1, 2).reshape(n, t, width)

    shapes = [[n, t, width], [n, s, width], [n, s, width]]
    return case(name, shapes, f, heads=heads, causal=causal, hidden=hidden)


def rms_norm(x, w, eps):
    return w * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def rotary(shape, heads):
    """As products of complex numbers."""
    n, t, width = shape
    half = width // heads // 2

    def f(x):
        pairs = x.reshape(n, t, heads, 2, half)
        angles = torch.arange(t).double()[:, None] * 10000 ** (-torch.arange(half).double() / half)
        turned = torch.complex(pairs[:, :, :, 0], pairs[:, :, :, 1]) * torch.polar(torch.ones_like(angles), angles)[:, None]
        return torch.stack([turned.real, turned.imag], 3).reshape(shape)

    return case(f'{heads} heads', [shape], f, heads=heads)


def token_entropy(name, ignore=-100, smoothing=0.0):
    labels = torch.tensor([(i * 3 + 1) % 5 for i in range(6)])
    labels[[1, 4]] = ignore if ignore >= 0 else labels[[1, 4]]
    f = lambda x: F.cross_entropy((x * 4).reshape(6, 5), labels, ignore_index=ignore, label_smoothing=smoothing)
    options = {'labelSmoothing': smoothing, **({'ignoreIndex': ignore} if ignore >= 0 else {})}
    return case(name, [[2, 3, 5]], f, labels=labels.tolist(), options=options)


def embedding_sum(rows):
    ids = torch.tensor([[i * 7 % rows for i in range(5)], [i * 3 % rows for i in range(5)]])
    return case(f'{rows} rows', [[rows, 3]], lambda table: F.embedding(ids, table), ids=ids.flatten().tolist())


golden = {
    'generator': 'packages/train/test/golden/operators.py',
    'versions': {'torch': torch.__version__, 'python': platform.python_version()},
    'convolutions': [
        convolution('3x3, padded', [2, 3, 5, 6], [4, 3, 3, 3], pads=(1, 1, 1, 1)),
        convolution('3x3, not padded, with bias', [2, 2, 5, 5], [3, 2, 3, 3], bias=True),
        convolution('3x3, stride 2, padded, odd size', [2, 2, 7, 7], [3, 2, 3, 3], stride=(2, 2), pads=(1, 1, 1, 1)),
        convolution('3x3, stride 2, padded, even size', [2, 2, 6, 8], [3, 2, 3, 3], stride=(2, 2), pads=(1, 1, 1, 1)),
        convolution('strides 3 and 1', [1, 2, 8, 6], [2, 2, 3, 2], stride=(3, 1)),
        convolution('strides 1 and 2', [1, 2, 6, 9], [2, 2, 2, 3], stride=(1, 2), pads=(0, 1, 1, 0)),
        convolution('four pads', [1, 2, 5, 5], [2, 2, 3, 2], pads=(2, 0, 1, 1)),
        convolution('pads beyond the kernel', [1, 2, 3, 4], [2, 2, 2, 2], pads=(3, 2, 2, 3)),
        convolution('dilated', [1, 2, 8, 9], [2, 2, 3, 3], dilation=(2, 3), pads=(2, 3, 2, 3)),
        convolution('dilated and strided', [1, 2, 9, 9], [2, 2, 3, 3], dilation=(2, 2), stride=(2, 2), pads=(2, 2, 2, 2)),
        convolution('1x1', [2, 4, 4, 3], [3, 4, 1, 1], bias=True),
        convolution('1x1, stride 2', [2, 3, 5, 6], [4, 3, 1, 1], stride=(2, 2)),
        convolution('7x7, stride 2, pads 3', [1, 2, 12, 11], [2, 2, 7, 7], stride=(2, 2), pads=(3, 3, 3, 3)),
        convolution('two groups', [2, 4, 5, 5], [6, 2, 3, 3], group=2, pads=(1, 1, 1, 1)),
        convolution('depthwise', [2, 4, 5, 5], [4, 1, 3, 3], group=4, pads=(1, 1, 1, 1)),
        convolution('depthwise, stride 2, multiplier 2', [1, 3, 7, 6], [6, 1, 3, 3], group=3, stride=(2, 2), pads=(1, 1, 1, 1)),
        convolution('blocks of 16 channels', [1, 16, 4, 4], [16, 16, 3, 3], pads=(1, 1, 1, 1)),
    ],
    'transposed': [
        transposed('stride 2', [2, 3, 4, 3], [3, 2, 3, 3], stride=2, padding=1, output_padding=1),
        transposed('stride 1', [1, 2, 4, 4], [2, 3, 3, 3], padding=1),
        transposed('dilated, groups', [1, 4, 3, 4], [4, 2, 3, 3], stride=2, dilation=2, group=2),
    ],
    'batchNorm': [
        batch_norm('images', [3, 2, 4, 3], 1e-5),
        batch_norm('rows', [6, 4], 1e-3),
        batch_norm('images of 256 pixels', [2, 2, 16, 16], 1e-5),
    ],
    'layerNorm': [
        case('rows', [[3, 2, 6], [6], [6]], lambda x, w, b: F.layer_norm(x, [6], w, b, 1e-5), eps=1e-5),
        case('planes', [[3, 2, 4], [2, 4], [2, 4]], lambda x, w, b: F.layer_norm(x, [2, 4], w, b, 1e-3), eps=1e-3),
    ],
    'groupNorm': [
        case('two groups', [[3, 4, 3, 5], [4], [4]], lambda x, w, b: F.group_norm(x, 2, w, b, 1e-5), groups=2, eps=1e-5),
        case('one group', [[3, 4, 3, 5], [4], [4]], lambda x, w, b: F.group_norm(x, 1, w, b, 1e-3), groups=1, eps=1e-3),
        case('instances', [[2, 4, 3, 5], [4], [4]], lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=1e-5), groups=4, eps=1e-5),
    ],
    'resize': [
        resized(f'{mode}, {name}', shape, size, mode)
        for mode in ('nearest', 'bilinear')
        for name, shape, size in (
            ('twice', [3, 2, 4, 5], [8, 10]),
            ('half', [2, 2, 6, 8], [3, 4]),
            ('up and down by fractions', [2, 3, 5, 7], [7, 3]),
        )
    ],
    'activations': [
        case(name, [[40]], lambda x, f=f: f(x * 6))
        for name, f in {
            'softplus': F.softplus, 'logSigmoid': F.logsigmoid, 'elu': F.elu, 'selu': F.selu, 'mish': F.mish,
            'hardSigmoid': F.hardsigmoid, 'hardSwish': F.hardswish, 'relu6': F.relu6, 'softsign': F.softsign,
            'silu': F.silu, 'sigmoid': torch.sigmoid, 'leakyRelu': F.leaky_relu,
        }.items()
    ],
    'prelu': [case('one slope a channel', [[2, 3, 4], [3, 1]], lambda x, w: F.prelu(x, w.flatten()))],
    'clip': [case('both sides', [[40]], lambda x: x.clamp(-0.4, 0.5), options={'min': -0.4, 'max': 0.5})],
    'reductions': [
        case('reduceMin', [[3, 4, 5]], lambda x: x.amin(1)),
        case('reduceL1', [[3, 4, 5]], lambda x: x.norm(1, 1)),
        case('reduceL2', [[3, 4, 5]], lambda x: x.norm(2, 1)),
        case('reduceSumSquare', [[3, 4, 5]], lambda x: x.square().sum(1)),
        case('reduceLogSumExp', [[3, 4, 5]], lambda x: x.logsumexp(1)),
    ],
    'masked': [
        masked('sigmoidCrossEntropy', F.binary_cross_entropy_with_logits),
        masked('sigmoidCrossEntropy', lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(3.0)), positiveWeight=3),
        masked('focalLoss', focal),
        masked('focalLoss', lambda x, t: focal(x, t, 0.6, 1.5), alpha=0.6, gamma=1.5),
        masked('diceLoss', dice),
        masked('diceLoss', lambda x, t: dice(x, t, 0.5, (1, 2, 3)), per='sample', smooth=0.5),
        masked('tverskyLoss', lambda x, t: tversky(x, t, 2, 0.3, 0.7), alpha=0.3, beta=0.7, smooth=2),
    ],
    'huber': [case('delta 0.5', [[4, 6], [4, 6]], lambda x, y: F.huber_loss(x, y, delta=0.5), options={'delta': 0.5})],
    'maxPool': [
        case('windows whose maxima are negative', [[2, 2, 6, 5]], lambda x: F.max_pool2d(x - 1.5, 2), options={'kernel': 2}, shift=-1.5),
        pool('kernel 2', lambda x: F.max_pool2d(x, 2), kernel=2),
        pool('overlapping', lambda x: F.max_pool2d(x, 3, 2, 1), kernel=3, strides=2, pads=1),
        pool('dilated', lambda x: F.max_pool2d(x, 2, 1, 0, 2), kernel=2, strides=1, dilations=2),
    ],
    'averagePool': [
        pool('kernel 2', lambda x: F.avg_pool2d(x, 2), kernel=2),
        pool('overlapping', lambda x: F.avg_pool2d(x, 3, 2, 1), kernel=3, strides=2, pads=1),
        pool('pads not counted', lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), kernel=3, strides=2, pads=1, countPads=False),
    ],
    'gelu': [
        case('none', [[40]], lambda x: F.gelu(x * 4)),
        case('tanh', [[40]], lambda x: F.gelu(x * 4, approximate='tanh')),
    ],
    'attention': [
        attention('to another sequence', 2, 3, 5, 8, 2),
        attention('to the past', 2, 6, 6, 12, 3, causal=True),
        attention('without padding', 2, 4, 5, 8, 4, hidden=[(0, 3), (0, 4)]),
        attention('to the past without padding', 2, 5, 5, 8, 2, causal=True, hidden=[(1, 4), (1, 3)]),
    ],
    'rmsNorm': [case('rows', [[3, 2, 6], [6]], lambda x, w: rms_norm(x, w, 1e-6), eps=1e-6)],
    'rotary': [rotary([2, 5, 8], 2), rotary([1, 4, 6], 1)],
    'tokenEntropy': [
        token_entropy('smoothed', smoothing=0.1),
        token_entropy('ignored', ignore=2),
        token_entropy('ignored and smoothed', ignore=0, smoothing=0.3),
    ],
    'embedding': [embedding_sum(4), embedding_sum(600)],
    'crossEntropy': [cross_entropy('indices', [6, 5])],
}

path = pathlib.Path(__file__).with_suffix('.json')
path.write_text(json.dumps(golden, separators=(',', ':')).replace('{"name"', '\n{"name"') + '\n')
