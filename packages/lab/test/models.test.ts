import { classification, parametersOf } from '@znorm/train';
import { describe, expect, test } from 'vitest';
import { imageModel, imageModels, normalizations } from '../src/models.ts';
import { thrown } from './thrown.ts';

const colour = [3, 32, 32] as const;
const rolesOf = (name: string, normalization?: 'usual' | 'none') =>
  new Set(
    parametersOf(classification({ model: imageModel(name, 7, normalization), input: { shape: colour } })).map(
      ({ role }) => role,
    ),
  );

test('small images are offered no network that would pool them away', () => {
  expect(imageModels([1, 28, 28])).not.toContain('vgg11');
  expect(imageModels([3, 32, 32])).toContain('vgg11');
});

describe.each(['resnet8', 'plain14', 'preact8', 'densenet22', 'vgg11', 'cnn', 'mlp'])('%s', (name) => {
  test('is among the names, and gives as many logits as there are classes', () => {
    expect(imageModels(colour)).toContain(name);
    const { inputs } = classification({ model: imageModel(name, 7), input: { shape: colour } });
    expect(inputs.labels.below).toBe(7);
  });
});

test('normalization can be another one, or none, and biases take its place', () => {
  for (const kind of normalizations.filter((each) => each !== 'none' && each !== 'usual')) {
    const network = classification({ model: imageModel('resnet8', 10, kind), input: { shape: colour } });
    expect(
      parametersOf(network).some(({ role }) => role === 'normalization'),
      kind,
    ).toBe(true);
  }
  expect([...rolesOf('resnet8')]).toEqual(['kernel', 'normalization', 'bias']);
  expect([...rolesOf('resnet8', 'none')]).toEqual(['kernel', 'bias']);
});

test('a network without a place for normalization refuses one', async () => {
  expect(await thrown(() => imageModel('mlp', 10, 'group'))).toEqual({
    message:
      'compare: expected setting `normalization` to be usual for model \'mlp\', which has no such layers, got "group".',
    code: 'bad-input',
  });
});
