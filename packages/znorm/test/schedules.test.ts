import { describe, expect, it } from 'vitest';
import {
  constant,
  cosine,
  cyclic,
  exponential,
  joined,
  linear,
  oneCycle,
  polynomial,
  type Schedule,
  scaleByLearningRate,
  stepDecay,
  warmup,
} from '../src/index.ts';
import { expectElements } from './closeness.ts';

const at = (schedule: Schedule, steps: readonly number[]) => steps.map((step) => schedule.at(step));
/** Schedules are float64: a few of its roundings. */
const tolerance = 1e-15;

describe('values', () => {
  it('constant', () => {
    expect(at(constant({ value: 0.3 }), [0, 1, 1e9])).toEqual([0.3, 0.3, 0.3]);
  });

  it('cosine falls along half a wave and holds its end', () => {
    const half = Math.SQRT1_2;
    const expected = [2, 1 + half, 1, 1 - half, 0, 0, 0];
    expectElements(at(cosine({ from: 2, steps: 8 }), [0, 2, 4, 6, 8, 9, 1e9]), expected, tolerance);
  });

  it('cosine ends at its final fraction', () => {
    const schedule = cosine({ from: 2, steps: 8, finalFraction: 0.1 });
    expectElements(at(schedule, [0, 4, 8, 100]), [2, 1.1, 0.2, 0.2], tolerance);
  });

  it('linear falls or rises evenly and holds its end', () => {
    expectElements(
      at(linear({ from: 1, to: 0, steps: 4 }), [0, 1, 3, 4, 5]),
      [1, 0.75, 0.25, 0, 0],
      tolerance,
    );
    expectElements(
      at(linear({ from: 0, to: 1, steps: 4 }), [0, 1, 3, 4, 5]),
      [0, 0.25, 0.75, 1, 1],
      tolerance,
    );
  });

  it('stepDecay changes at its boundaries, not after them', () => {
    const schedule = stepDecay({ from: 1, boundaries: [10, 20] });
    expectElements(at(schedule, [0, 9, 10, 19, 20, 99]), [1, 1, 0.1, 0.1, 0.01, 0.01], tolerance);
  });

  it('stepDecay takes a factor for each boundary', () => {
    const schedule = stepDecay({ from: 1, boundaries: [1, 2, 3], factors: [0.5, 4, 0] });
    expect(at(schedule, [0, 1, 2, 3])).toEqual([1, 0.5, 2, 0]);
  });

  it('warmup rises to the start of what follows, which counts from there', () => {
    const schedule = warmup({ steps: 4, into: linear({ from: 1, to: 0, steps: 2 }) });
    expect(at(schedule, [0, 1, 2, 3, 4, 5, 6, 7])).toEqual([0, 0.25, 0.5, 0.75, 1, 0.5, 0, 0]);
  });

  it('warmup may start above 0 and lead into a constant', () => {
    expect(at(warmup({ steps: 2, from: 0.5, into: 1 }), [0, 1, 2, 3])).toEqual([0.5, 0.75, 1, 1]);
  });

  it('joined hands over at its boundaries, and each part counts its own steps', () => {
    const schedule = joined({
      schedules: [linear({ from: 0, to: 1, steps: 2 }), 5, linear({ from: 1, to: 0, steps: 2 })],
      boundaries: [3, 4],
    });
    expect(at(schedule, [0, 1, 2, 3, 4, 5, 6, 7])).toEqual([0, 0.5, 1, 5, 1, 0.5, 0, 0]);
  });
});

describe('values of cycles and decays', () => {
  it('polynomial falls by a power of the way left, and holds its end', () => {
    const schedule = polynomial({ from: 2, to: 1, steps: 4, power: 2 });
    expectElements(at(schedule, [0, 1, 2, 4, 9]), [2, 1.5625, 1.25, 1, 1], tolerance);
  });

  it('exponential multiplies a little at each step, or at once as a staircase', () => {
    const smooth = exponential({ from: 8, factor: 0.25, steps: 2 });
    expectElements(at(smooth, [0, 1, 2, 3]), [8, 4, 2, 1], tolerance);
    const stairs = exponential({ from: 8, factor: 0.25, steps: 2, staircase: true });
    expectElements(at(stairs, [0, 1, 2, 3, 4]), [8, 8, 2, 2, 0.5], tolerance);
  });

  it('cyclic climbs and falls in straight lines, each cycle lower by its factor', () => {
    const schedule = cyclic({ from: 1, to: 5, stepsUp: 2, stepsDown: 4, cycleFactor: 0.5 });
    expectElements(at(schedule, [0, 1, 2, 3, 4, 6, 8]), [1, 3, 5, 4, 3, 1, 3], tolerance);
  });

  it('oneCycle rises to its peak, falls to its final fraction and holds it', () => {
    const options = { peak: 2, steps: 9, riseFraction: 1 / 3, startFraction: 0.5, finalFraction: 0 };
    const linearly = oneCycle({ ...options, anneal: 'linear' });
    expectElements(at(linearly, [0, 1, 2, 5, 8, 99]), [1, 1.5, 2, 1, 0, 0], tolerance);
    expectElements(at(oneCycle(options), [0, 1, 2, 5, 8]), [1, 1.5, 2, 1, 0], tolerance);
  });

  it.each<[() => Schedule, string]>([
    [
      () => polynomial({ from: 1, steps: 2, power: 0 }),
      'polynomial: expected `power` to be a finite number > 0, got 0.',
    ],
    [
      () => exponential({ from: 1, factor: 0 }),
      'exponential: expected `factor` to be a finite number > 0, got 0.',
    ],
    [
      () => cyclic({ from: 0, to: 1, stepsUp: 0 }),
      'cyclic: expected `stepsUp` to be a whole number >= 1, got 0.',
    ],
    [
      () => cyclic({ from: 0, to: 1, stepsUp: 1, stepFactor: 1.1 }),
      'cyclic: expected `stepFactor` to be a number > 0 and <= 1, got 1.1.',
    ],
    [
      () => oneCycle({ peak: 1, steps: 10, riseFraction: 0.1 }),
      'oneCycle: expected `riseFraction` to put the peak between steps 0 and 9, got 0.1.',
    ],
  ])('%#: what is out of range is refused', (make, message) => {
    expect(make).toThrow(new RangeError(message));
  });
});

describe('a schedule', () => {
  it('is data that nobody can change', () => {
    const boundaries = [10];
    const schedule = stepDecay({ from: 1, boundaries });
    boundaries[0] = 99;
    expect(schedule.name).toBe('stepDecay');
    expect(schedule.options).toEqual({ from: 1, boundaries: [10] });
    expect(schedule.at(10)).toBe(0.1);
    expect(Object.isFrozen(schedule)).toBe(true);
    expect(Object.isFrozen(schedule.options)).toBe(true);
  });

  it('may reach 0, and a learning rate may follow it there', () => {
    const { scalars } = scaleByLearningRate({ learningRate: linear({ from: 1, to: 0, steps: 1 }) });
    expect(scalars?.learningRate(1)).toBe(0);
  });
});

describe('refused', () => {
  const cases: [string, () => Schedule, string][] = [
    [
      'negative value',
      () => constant({ value: -1 }),
      'constant: expected `value` to be a finite number >= 0, got -1.',
    ],
    [
      'no start',
      () => cosine({ steps: 3 } as never),
      'cosine: expected `from` to be a finite number >= 0, got undefined.',
    ],
    [
      'no steps',
      () => cosine({ from: 1, steps: 0 }),
      'cosine: expected `steps` to be a whole number >= 1, got 0.',
    ],
    [
      'half a step',
      () => linear({ from: 1, to: 0, steps: 1.5 }),
      'linear: expected `steps` to be a whole number >= 1, got 1.5.',
    ],
    [
      'negative end',
      () => linear({ from: 1, to: -1, steps: 1 }),
      'linear: expected `to` to be a finite number >= 0, got -1.',
    ],
    [
      'falling boundaries',
      () => stepDecay({ from: 1, boundaries: [5, 3] }),
      'stepDecay: expected `boundaries` to be a list of rising whole numbers >= 1, got [5,3].',
    ],
    [
      'a boundary twice',
      () => stepDecay({ from: 1, boundaries: [5, 5] }),
      'stepDecay: expected `boundaries` to be a list of rising whole numbers >= 1, got [5,5].',
    ],
    [
      'a boundary at the start',
      () => joined({ schedules: [1, 2], boundaries: [0] }),
      'joined: expected `boundaries` to be a list of rising whole numbers >= 1, got [0].',
    ],
    [
      'missing factors',
      () => stepDecay({ from: 1, boundaries: [1, 2], factors: [0.1] }),
      'stepDecay: expected `factors` to be a number or a list of 2, got [0.1].',
    ],
    [
      'negative factor',
      () => stepDecay({ from: 1, boundaries: [1], factors: -0.1 }),
      'stepDecay: expected `factors` to be a finite number >= 0, got -0.1.',
    ],
    [
      'nothing to warm up into',
      () => warmup({ steps: 3, into: 'cosine' as never }),
      "warmup: expected `into` to be a number or a schedule, got 'cosine'.",
    ],
    [
      'too many schedules',
      () => joined({ schedules: [1, 2, 3], boundaries: [4] }),
      'joined: expected `schedules` to be a list of 2, one more than boundaries, got [1,2,3].',
    ],
    [
      'a part that is no schedule',
      () => joined({ schedules: [1, '2' as never], boundaries: [4] }),
      "joined: expected `schedules[1]` to be a number or a schedule, got '2'.",
    ],
  ];
  it.each(cases)('%s', (_what, make, message) => {
    expect(make).toThrow(new RangeError(message));
  });

  it('a misspelt option, with the right one', () => {
    expect(() => cosine({ from: 1, step: 3 } as never)).toThrow(
      new TypeError('cosine: unknown option `step`. Did you mean `steps`?'),
    );
  });
});
