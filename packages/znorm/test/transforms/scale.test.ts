import { describe, expect, it } from 'vitest';
import { type LearningRate, linear, scale, scaleByLearningRate } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { trajectory } from '../stepping.ts';

const ones = [[1], [1], [1]];

describe('scale', () => {
  it('multiplies', () => {
    expectElements(trajectory(scale({ factor: -2 }), [[1, -3, 0]])[0], [-2, 6, 0]);
  });

  it('refuses a factor that is not finite', () => {
    expect(() => scale({ factor: NaN })).toThrow(
      new RangeError('scale: expected `factor` to be a finite number, got NaN.'),
    );
  });
});

describe('scaleByLearningRate', () => {
  it('turns the gradient into what is added to the parameters', () => {
    expectElements(trajectory(scaleByLearningRate({ learningRate: 0.1 }), ones).flat(), [-0.1, -0.1, -0.1]);
  });

  it('follows a schedule from step 0', () => {
    const learningRate = linear({ from: 1, to: 0, steps: 2 });
    expectElements(trajectory(scaleByLearningRate({ learningRate }), ones).flat(), [-1, -0.5, 0]);
  });

  it('follows a function of the step', () => {
    const learningRate = (step: number) => step;
    expectElements(trajectory(scaleByLearningRate({ learningRate }), ones).flat(), [0, -1, -2]);
  });

  it.each([
    [0, '0'],
    [-0.1, '-0.1'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['0.1', "'0.1'"],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ cosine: {} }, '{"cosine":{}}'],
  ])('refuses %o as learning rate', (bad, shown) => {
    expect(() => scaleByLearningRate({ learningRate: bad as LearningRate })).toThrow(
      new RangeError(
        `scaleByLearningRate: expected \`learningRate\` to be a finite number > 0, a schedule or a function of the step, got ${shown}.`,
      ),
    );
  });

  it.each([NaN, Infinity, -0.1])('names the step at which a function gives %s', (bad) => {
    const optimizer = scaleByLearningRate({ learningRate: (step) => (step < 2 ? 0.1 : bad) });
    expect(() => trajectory(optimizer, ones)).toThrow(
      new RangeError(
        `scaleByLearningRate: expected \`learningRate\` to be a finite number >= 0 at step 2, got ${bad}.`,
      ),
    );
  });
});
