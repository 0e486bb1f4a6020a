"""Writes operators.json: results and gradients of PyTorch in float64, for packages/train/test/autodiff/golden.test.ts.

Run as `/usr/bin/python3 operators.py` beside the JSON (Debian python3-torch 1.13). Inputs are multiples of 1/512
from a linear congruence, exact in float32, so that the test can make them again; only results are stored.
"""
import json
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
    'maxPool': [
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
    'crossEntropy': [cross_entropy('indices', [6, 5])],
}

path = pathlib.Path(__file__).with_suffix('.json')
path.write_text(json.dumps(golden, separators=(',', ':')).replace('{"name"', '\n{"name"') + '\n')
