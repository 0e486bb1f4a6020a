import { describe, expect, test } from 'vitest';
import { tanh } from '../../src/autodiff/activation.ts';
import { createScope, type Layer } from '../../src/layers/scope.ts';
import { cnn } from '../../src/models/cnn.ts';
import { densenet } from '../../src/models/densenet.ts';
import { mlp } from '../../src/models/mlp.ts';
import { preactivationResnet } from '../../src/models/preactivation-resnet.ts';
import { resnet } from '../../src/models/resnet.ts';
import { unet } from '../../src/models/unet.ts';
import { vgg } from '../../src/models/vgg.ts';
import { createGraph, input } from '../../src/onnx/graph.ts';

function build(model: Layer, shape: readonly number[]) {
  const graph = createGraph();
  const { scope, declared } = createScope(graph, { training: true });
  const { shape: logits } = model(input(graph, 'inputs', shape), scope);
  const parameters = [...declared.parameters.values()].map(({ info }) => info);
  const count = parameters.reduce((sum, info) => sum + info.shape.reduce((size, axis) => size * axis, 1), 0);
  return { graph, logits, parameters, count, randoms: declared.randoms };
}

describe('residual networks', () => {
  // He et al. 2016, table 6: 0.27M, 0.46M, 0.66M, 0.85M, 1.7M parameters, shortcuts without any.
  test.each([
    [20, 0.27],
    [32, 0.46],
    [44, 0.66],
    [56, 0.85],
    [110, 1.7],
  ])(
    'of depth %s have the published %s million parameters and that many weighted layers',
    (depth, millions) => {
      const { count, parameters, logits } = build(
        resnet({ depth, classes: 10, shortcut: 'identity' }),
        [1, 3, 32, 32],
      );
      const digits = millions < 1 ? 2 : 1;
      expect(Number((count / 1e6).toFixed(digits))).toBe(millions);
      expect(parameters.filter(({ role }) => role === 'kernel')).toHaveLength(depth);
      expect(logits).toEqual([1, 10]);
    },
  );

  test('with projections, ResNet-20 has 65 tensors; plain, it has those of the identity shortcuts', () => {
    const of = (options: object) => build(resnet({ depth: 20, classes: 10, ...options }), [2, 3, 32, 32]);
    expect(of({}).parameters).toHaveLength(65);
    expect(of({}).count - of({ shortcut: 'identity' }).count).toBe(16 * 32 + 2 * 32 + 32 * 64 + 2 * 64);
    expect(of({ skips: false }).parameters).toEqual(of({ shortcut: 'identity' }).parameters);
  });

  test('take any image size and number of classes', () => {
    expect(build(resnet({ depth: 8, classes: 7 }), [4, 1, 28, 28]).logits).toEqual([4, 7]);
  });

  test.each([21, 2, 9])('of depth %s do not exist', (depth) => {
    expect(() => resnet({ depth, classes: 10 })).toThrow(
      new RangeError(`resnet: expected \`depth\` to be 6n + 2 (8, 20, 32, 44, 56, 110), got ${depth}.`),
    );
  });

  test('know two shortcuts', () => {
    expect(() => resnet({ depth: 8, classes: 2, shortcut: 'A' as never })).toThrow(
      new RangeError("resnet: expected `shortcut` to be 'projection' or 'identity', got 'A'."),
    );
  });
});

const sizesOf = ({ parameters }: ReturnType<typeof build>) =>
  parameters.map(({ path, shape }) => `${path} [${shape}]`);

describe('published sizes', () => {
  // Huang et al. 2017, table 2: DenseNet-BC of depth 100 and growth 12 has 0.8M parameters.
  test('DenseNet-BC of depth 100 has 0.8 million parameters and 100 weighted layers', () => {
    const { count, parameters, logits } = build(densenet({ depth: 100, classes: 10 }), [1, 3, 32, 32]);
    expect(count).toBe(769_162);
    expect(parameters.filter(({ role }) => role === 'kernel')).toHaveLength(100);
    expect(logits).toEqual([1, 10]);
  });

  test.each([
    [11, 8],
    [13, 10],
    [16, 13],
    [19, 16],
  ] as const)('VGG-%s has %s convolutions, and one dense layer', (depth, convolutions) => {
    const { parameters } = build(vgg({ depth, classes: 10 }), [1, 3, 32, 32]);
    const shapes = parameters.filter(({ role }) => role === 'kernel').map(({ shape }) => shape.length);
    expect(shapes).toEqual([...Array(convolutions).fill(4), 2]);
  });

  test('VGG-16 for CIFAR-10 has 14.7 million parameters', () => {
    const { count } = build(vgg({ depth: 16, classes: 10 }), [1, 3, 32, 32]);
    expect(Number((count / 1e6).toFixed(1))).toBe(14.7);
  });

  test('the preactivation network has the kernels of the other, and one normalization a convolution', () => {
    const { parameters } = build(preactivationResnet({ depth: 20, classes: 10 }), [1, 3, 32, 32]);
    const kernels = (list: typeof parameters) =>
      list.filter(({ role }) => role === 'kernel').map(({ shape }) => `${shape}`);
    const other = build(resnet({ depth: 20, classes: 10 }), [1, 3, 32, 32]).parameters;
    expect(kernels(parameters)).toEqual(kernels(other));
    expect(parameters.filter(({ path }) => path.endsWith('gamma'))).toHaveLength(19);
  });

  test('the U-Net of Buda et al., 32 channels and 4 levels, has 7.8 million parameters', () => {
    const { count, logits } = build(unet({}), [1, 3, 256, 256]);
    expect(Number((count / 1e6).toFixed(1))).toBe(7.8);
    expect(logits).toEqual([1, 1, 256, 256]);
  });
});

describe('normalization of networks', () => {
  test.each(['batch', 'layer', 'group', 'instance'] as const)(
    '%s: gain and shift, no biases before it',
    (kind) => {
      const { parameters } = build(resnet({ depth: 8, classes: 10, normalization: kind }), [2, 3, 32, 32]);
      const roles = (wanted: string) =>
        parameters.filter(({ role }) => role === wanted).map(({ path }) => path);
      expect(roles('bias')).toEqual(['output/bias']);
      expect(roles('normalization')).toHaveLength(2 * 9);
    },
  );

  test('none: biases, no gain and shift', () => {
    const { parameters } = build(resnet({ depth: 8, classes: 10, normalization: 'none' }), [2, 3, 32, 32]);
    expect(parameters.filter(({ role }) => role === 'bias')).toHaveLength(10);
    expect(parameters.filter(({ role }) => role === 'normalization')).toEqual([]);
  });

  test('another one is refused', () => {
    expect(() => resnet({ depth: 8, classes: 2, normalization: 'weight' as never })).toThrow(
      new RangeError(
        "resnet: expected `normalization` to be one of batch, layer, group, instance, none, got 'weight'.",
      ),
    );
  });
});

describe('small convolutional networks', () => {
  test('have a stage for each number of filters', () => {
    expect(sizesOf(build(cnn({ classes: 10, filters: [4, 8], hidden: 16 }), [2, 1, 28, 28]))).toEqual([
      'stage0/conv/kernel [4,1,3,3]',
      'stage0/conv/bias [4]',
      'stage1/conv/kernel [8,4,3,3]',
      'stage1/conv/bias [8]',
      'hidden/kernel [16,392]',
      'hidden/bias [16]',
      'output/kernel [10,16]',
      'output/bias [10]',
    ]);
  });

  test('drop hidden units where asked to', () => {
    expect([...build(cnn({ classes: 2, dropout: 0.5 }), [2, 1, 28, 28]).randoms.keys()]).toEqual([
      'dropout/mask',
    ]);
  });
});

describe('U-Nets', () => {
  const small = (options: object) => build(unet({ filters: 4, levels: 1, ...options }), [1, 3, 8, 8]);

  test('have a block a level on the way down and up, transposed convolutions between', () => {
    expect(sizesOf(small({ normalization: 'none' })).filter((text) => text.includes('kernel'))).toEqual([
      'encoder0/conv1/conv/kernel [4,3,3,3]',
      'encoder0/conv2/conv/kernel [4,4,3,3]',
      'bottom/conv1/conv/kernel [8,4,3,3]',
      'bottom/conv2/conv/kernel [8,8,3,3]',
      'up0/kernel [8,4,2,2]',
      'decoder0/conv1/conv/kernel [4,8,3,3]',
      'decoder0/conv2/conv/kernel [4,4,3,3]',
      'output/kernel [1,4,1,1]',
    ]);
  });

  test('residual, each block has a shortcut; with attention, each skipped connection a gate', () => {
    const added = (options: object) => {
      const plain = new Set(small({}).parameters.map(({ path }) => path));
      const paths = small(options).parameters.map(({ path }) => path);
      return paths.filter((path) => path.endsWith('kernel') && !plain.has(path));
    };
    expect(added({ residual: true })).toEqual(
      ['encoder0', 'bottom', 'decoder0'].map((block) => `${block}/shortcut/conv/kernel`),
    );
    expect(added({ attention: true })).toEqual(
      ['decoded', 'skip', 'weight'].map((part) => `gate0/${part}/conv/kernel`),
    );
  });

  test('give as many masks as asked, and refuse images they cannot halve', () => {
    expect(small({ outputs: 3 }).logits).toEqual([1, 3, 8, 8]);
    expect(() => build(unet({ levels: 3 }), [1, 3, 20, 24])).toThrow(
      new RangeError(
        'unet: expected images [N, C, H, W] with H and W multiples of 8 for 3 levels, got [1,3,20,24].',
      ),
    );
  });
});

test.each([
  [
    'densenet',
    () => densenet({ depth: 20, classes: 2 }),
    'densenet: expected `depth` to be 6n + 4 (10, 22, 40, 100), got 20.',
  ],
  [
    'vgg',
    () => vgg({ depth: 12 as never, classes: 2 }),
    'vgg: expected `depth` to be 11, 13, 16 or 19, got 12.',
  ],
  [
    'preactivationResnet',
    () => preactivationResnet({ depth: 18, classes: 2 }),
    'preactivationResnet: expected `depth` to be 6n + 2 (8, 20, 32, 44, 56, 110), got 18.',
  ],
])('%s refuses a depth it cannot have', (_, action, message) => {
  expect(action).toThrow(new RangeError(message));
});

describe('multilayer perceptrons', () => {
  test('flatten their input and have one dense layer for each size', () => {
    const { parameters, logits } = build(mlp({ hidden: [5, 4], classes: 3 }), [2, 1, 3, 3]);
    expect(parameters.map(({ path, shape }) => `${path} [${shape}]`)).toEqual([
      'hidden0/kernel [5,9]',
      'hidden0/bias [5]',
      'hidden1/kernel [4,5]',
      'hidden1/bias [4]',
      'output/kernel [3,4]',
      'output/bias [3]',
    ]);
    expect(logits).toEqual([2, 3]);
  });

  test('without hidden layers are linear, and take any activation', () => {
    expect(build(mlp({ hidden: [], classes: 3 }), [2, 4]).parameters).toHaveLength(2);
    const { graph } = build(mlp({ hidden: [2, 2], classes: 3, activation: tanh }), [2, 4]);
    expect(graph.nodes.filter(({ opType }) => opType === 'Tanh')).toHaveLength(2);
  });

  test('refuse an option they do not have', () => {
    expect(() => mlp({ layers: [4], classes: 2 } as never)).toThrow(
      new TypeError('mlp: unknown option `layers`. Known options: hidden, classes, activation.'),
    );
  });
});
