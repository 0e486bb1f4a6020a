import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { describeVariable, layerKinds } from '../../src/tfjs/describe-variable.ts';

const { layers } = tf;

/** `role, outputAxis of shape` of every trainable variable of a model, in order. */
function described(model: tf.LayersModel, kinds?: ReadonlyMap<string, string>): string[] {
  return model.trainableWeights.map(({ name, shape }) => {
    const sizes = shape.map((size) => size ?? 0);
    const { role, outputAxis } = describeVariable(name, sizes, kinds?.get(name));
    return `${name.split('/').pop()}: ${role}, ${outputAxis} of ${sizes.join('x')}`;
  });
}

const convolutions = () =>
  tf.sequential({
    layers: [
      layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 2] }),
      layers.separableConv2d({ filters: 3, kernelSize: 3, depthMultiplier: 2 }),
      layers.depthwiseConv2d({ kernelSize: 2 }),
      layers.conv2dTranspose({ filters: 5, kernelSize: 3 }),
      layers.batchNormalization(),
      layers.layerNormalization(),
      layers.prelu(),
      layers.reshape({ targetShape: [5, 25] }),
      layers.conv1d({ filters: 3, kernelSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 2 }),
    ],
  });

const convolutionsDescribed = [
  'kernel: kernel, 3 of 3x3x2x4',
  'bias: bias, 0 of 4',
  'depthwise_kernel: kernel, 2 of 3x3x4x2',
  'pointwise_kernel: kernel, 3 of 1x1x8x3',
  'bias: bias, 0 of 3',
  'depthwise_kernel: kernel, 2 of 2x2x3x1',
  'bias: bias, 0 of 3',
  'kernel: kernel, 2 of 3x3x5x3',
  'bias: bias, 0 of 5',
  'gamma: normalization, 0 of 5',
  'beta: normalization, 0 of 5',
  'gamma: normalization, 0 of 5',
  'beta: normalization, 0 of 5',
  'alpha: bias, 2 of 5x5x5',
  'kernel: kernel, 2 of 2x25x3',
  'bias: bias, 0 of 3',
  'kernel: kernel, 1 of 12x2',
  'bias: bias, 0 of 2',
];

describe('a variable of a model', () => {
  it('has its role and output axis by the kind of its layer, or by its name if no model is given', () => {
    const model = convolutions();
    expect(described(model, layerKinds(model))).toEqual(convolutionsDescribed);
    expect(described(model)).toEqual(convolutionsDescribed);
  });

  it('of an embedding, a volume and a recurrent layer, also inside wrappers and models', () => {
    const model = tf.sequential({
      layers: [
        layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 5 }),
        layers.bidirectional({
          layer: layers.lstm({ units: 3, returnSequences: true }) as tf.RNN,
          mergeMode: 'concat',
        }),
        layers.timeDistributed({ layer: layers.dense({ units: 4 }) }),
        layers.gru({ units: 3 }),
        tf.sequential({ layers: [layers.dense({ units: 2, inputShape: [3] })] }),
      ],
    });
    const lstm = [
      'kernel: kernel, 1 of 4x12',
      'recurrent_kernel: recurrent, 1 of 3x12',
      'bias: bias, 0 of 12',
    ];
    const expected = [
      'embeddings: embedding, 0 of 7x4',
      ...lstm,
      ...lstm,
      'kernel: kernel, 1 of 6x4',
      'bias: bias, 0 of 4',
      'kernel: kernel, 1 of 4x9',
      'recurrent_kernel: recurrent, 1 of 3x9',
      'bias: bias, 0 of 9',
      'kernel: kernel, 1 of 3x2',
      'bias: bias, 0 of 2',
    ];
    expect(described(model, layerKinds(model))).toEqual(expected);
    expect(described(model)).toEqual(expected);
    expect(describeVariable('conv3d_Conv3D1/kernel', [3, 3, 3, 2, 8]).outputAxis).toBe(4);
  });

  it('in a renamed layer needs the model to be told from others: a transposed kernel', () => {
    const up = layers.conv2dTranspose({ name: 'up', filters: 5, kernelSize: 3, inputShape: [4, 4, 3] });
    const model = tf.sequential({
      layers: [layers.timeDistributed({ layer: up, inputShape: [2, 4, 4, 3] })],
    });
    expect(described(model, layerKinds(model))[0]).toBe('kernel: kernel, 2 of 3x3x5x3');
  });
});

describe('a variable without a layer', () => {
  it.each([
    ['w1', [4, 8], 'kernel', 1],
    ['7', [8], 'bias', 0],
    ['block/kernel_1', [4, 8], 'kernel', 1],
    ['block/bias_12', [8], 'bias', 0],
    ['encoder/query/kernel', [16, 4, 8], 'attention', 2],
    ['self_attention/kernel', [16, 16], 'attention', 1],
    ['self_attention/bias', [16], 'bias', 0],
    ['temperature', [], 'bias', 0],
  ] as const)('%s of shape %j is a %s, output axis %i', (name, shape, role, outputAxis) => {
    expect(describeVariable(name, shape)).toEqual({ path: name, shape, role, outputAxis });
  });
});
