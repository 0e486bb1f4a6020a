import { describe, expect, it } from 'vitest';
import { arrays, init, scaleByStd, tensor, update, type ZnormOptions, znorm } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep, steps } from '../stepping.ts';

const std = Math.sqrt(2 / 3); // of [1, 2, 3]

describe('znorm', () => {
  it('gives mean 0 and standard deviation 1', () => {
    const { w } = firstStep(znorm(), { w: [1, 2, 3] });
    expectElements(w.data, [-1 / std, 0, 1 / std]);
  });

  it('adds eps to the deviation, not under its root', () => {
    const { w } = firstStep(znorm({ eps: 0.5 }), { w: [1, 2, 3] });
    expectElements(w.data, [-1 / (std + 0.5), 0, 1 / (std + 0.5)]);
  });

  it('is blind to the size and the mean of a gradient', () => {
    const { w } = firstStep(znorm(), { w: [9, 11, 13].map((x) => x * 2 ** 40) });
    expectElements(w.data, [-1 / std, 0, 1 / std]);
  });

  it("with apply: 'matrices' hands vectors and scalars over as they came", () => {
    const gradients = { kernel: tensor([1, 2, 3], [1, 3]), bias: tensor([1, 2]), gain: tensor([5], []) };
    const updates = firstStep(znorm({ apply: 'matrices' }), gradients);
    expectElements(updates.kernel.data, [-1 / std, 0, 1 / std]);
    expect(updates.bias).toBe(gradients.bias);
    expect(updates.gain).toBe(gradients.gain);
  });

  it("with scope 'layer' leaves one-element tensors and their values out of the statistics", () => {
    const gradients = { 'a/kernel': tensor([1, 2]), 'a/shift': tensor([3]), 'a/bias': tensor([1000]) };
    const updates = firstStep(znorm({ scope: 'layer', eps: 0 }), gradients);
    expectElements(updates['a/kernel'].data, [-1, 1]);
    expect(updates['a/bias']).toBe(gradients['a/bias']);
  });

  it("with scope 'output' takes vectors, and rows of one weight, as a whole", () => {
    const updates = firstStep(znorm({ scope: 'output', eps: 0 }), {
      rows: tensor([1, 3, 10, 30], [2, 2]),
      column: tensor([1, 3], [2, 1]),
      vector: tensor([1, 3]),
    });
    expectElements(updates.rows.data, [-1, 1, -1, 1]);
    expectElements(updates.column.data, [-1, 1]);
    expectElements(updates.vector.data, [-1, 1]);
  });
});

describe('scaleByStd', () => {
  it('divides by the deviation and keeps the mean', () => {
    expectElements(firstStep(scaleByStd(), { w: [1, 2, 3] }).w.data, [1 / std, 2 / std, 3 / std]);
  });
});

describe('a constant gradient', () => {
  // Sums of these in float32 miss the true mean, and the error, divided by its own deviation, is noise of size 1.
  const constants = [0.1, -0.3, 1 / 3, 1e-4, 3.7e-9, 123.456, 1e20, 1e-24];
  const sizes = [2, 3, 7, 100, 1000, 4097, 36_864, 147_456];

  it('becomes exactly 0, for every one of 64 values and sizes', () => {
    for (const value of constants) {
      for (const size of sizes) {
        const { w } = firstStep(znorm({ eps: 0 }), { w: tensor(new Float32Array(size).fill(value)) });
        expect(
          w.data.every((x) => x === 0),
          `${value} × ${size}`,
        ).toBe(true);
      }
    }
  });

  it('would become noise with float32 sums, so that the test above can fail', () => {
    const noisy = constants.flatMap((value) => sizes.map((size) => float32ZnormOfConstant(value, size)));
    expect(noisy.filter((u) => Math.abs(u) > 0.5).length).toBeGreaterThan(20);
  });

  it('but for a rounding of some elements still counts as constant, and no more than that', () => {
    // 0.1 has steps of 2^-27 between float32 neighbours.
    const nearly = (difference: number) =>
      new Float32Array(1000).map((_, k) => 0.1 + (k % 3 === 0 ? difference : 0));
    const [rounded] = steps(znorm({ eps: 0 }), [{ w: tensor(nearly(2 ** -26)) }]);
    expect(rounded.reports[0].value.data[0]).toBe(1);
    expect(Math.max(...rounded.updates.w.data.map(Math.abs))).toBeLessThan(2 ** -25);

    const [meant] = steps(znorm({ eps: 0 }), [{ w: tensor(nearly(2 ** -22)) }]);
    expect(meant.reports[0].value.data[0]).toBe(0);
    expect(Math.max(...meant.updates.w.data)).toBeGreaterThan(1);
  });

  it('but no gradient is too small as a whole', () => {
    const { w } = firstStep(znorm({ eps: 0 }), { w: [2 ** -140, 3 * 2 ** -140] });
    expectElements(w.data, [-1, 1]);
  });
});

describe('a deviation that counts as zero', () => {
  const degenerate = { w: [5, 5], other: [1, 3] };

  it.each([
    ['center', [0, 0]],
    ['zero', [0, 0]],
    ['pass', [5, 5]],
  ] as const)('under %s', (onDegenerate, expected) => {
    const [{ updates, reports }] = steps(znorm({ onDegenerate }), [degenerate]);
    expectElements(updates.w.data, expected);
    expectElements(updates.other.data, [-1, 1]);
    expect(reports.map(({ path, name, value }) => [path, name, value.data[0]])).toEqual([
      ['w', 'degenerate', 1],
      ['other', 'degenerate', 0],
    ]);
  });

  it.each([
    ['center', [-0.5, 0.5], [4.5, 5.5]],
    ['zero', [0, 0], [0, 0]],
    ['pass', [4.5, 5.5], [4.5, 5.5]],
  ] as const)('under %s where it is not quite zero', (onDegenerate, centred, scaled) => {
    const options = { onDegenerate, minStd: 0.5 };
    expectElements(firstStep(znorm(options), { w: [4.5, 5.5] }).w.data, centred);
    expectElements(firstStep(scaleByStd(options), { w: [4.5, 5.5] }).w.data, scaled);
  });

  it('under throw names the tensor', () => {
    expect(() => firstStep(znorm({ onDegenerate: 'throw' }), degenerate)).toThrow(
      new RangeError(
        "znorm: expected a standard deviation above the floor, got a constant gradient at 'w'. Choose `onDegenerate: 'center'`, 'zero' or 'pass', or mask this parameter.",
      ),
    );
  });

  it('under throw is refused by a backend that cannot read values', () => {
    const { toNumber: _, ...tracing } = arrays;
    const [transformation, gradients] = [znorm({ onDegenerate: 'throw' }), { w: tensor([1, 2]) }];
    const state = init(transformation, gradients, undefined, tracing);
    expect(() => update(transformation, gradients, state, undefined, undefined, tracing)).toThrow(
      new TypeError(
        "znorm: expected a backend that can read values for `onDegenerate: 'throw'`, got one that is tracing. Use 'center', 'zero' or 'pass'.",
      ),
    );
  });

  it('is one at or below minStd', () => {
    const reported = (minStd: number) =>
      steps(znorm({ minStd }), [{ w: [4.5, 5.5] }])[0].reports[0].value.data[0];
    expect(reported(0.5)).toBe(1);
    expect(reported(0.499)).toBe(0);
  });

  it('is one at or below relativeMinStd times the mean', () => {
    const reported = (relativeMinStd: number) =>
      steps(znorm({ relativeMinStd }), [{ w: [-4.5, -5.5] }])[0].reports[0].value.data[0];
    expect(reported(0.1)).toBe(1);
    expect(reported(0.099)).toBe(0);
  });

  it('is judged row by row in scope output', () => {
    const [{ updates, reports }] = steps(znorm({ scope: 'output' }), [
      { w: tensor([7, 7, 1, 3, 2, 2], [3, 2]) },
    ]);
    expectElements(updates.w.data, [0, 0, -1, 1, 0, 0]);
    expect(reports[0].value.data[0]).toBe(2);
  });
});

describe('znorm refuses', () => {
  it.each<[unknown, string]>([
    [{ eps: -1 }, 'expected `eps` to be a finite number >= 0, got -1.'],
    [{ eps: '1e-8' }, "expected `eps` to be a finite number >= 0, got '1e-8'."],
    [{ minStd: NaN }, 'expected `minStd` to be a finite number >= 0, got NaN.'],
    [{ relativeMinStd: Infinity }, 'expected `relativeMinStd` to be a finite number >= 0, got Infinity.'],
    [{ apply: 'biases' }, "expected `apply` to be one of 'all', 'matrices', got 'biases'."],
    [
      { scope: 'row' },
      "expected `scope` to be one of 'tensor', 'layer', 'output', 'head', 'global', got 'row'.",
    ],
    [
      { onDegenerate: 'skip' },
      "expected `onDegenerate` to be one of 'center', 'zero', 'pass', 'throw', got 'skip'.",
    ],
  ])('%o', (options, complaint) => {
    expect(() => znorm(options as ZnormOptions)).toThrow(new RangeError(`znorm: ${complaint}`));
  });

  it('a misspelt option, with the right one', () => {
    expect(() => znorm({ scop: 'layer' } as ZnormOptions)).toThrow(
      new TypeError('znorm: unknown option `scop`. Did you mean `scope`?'),
    );
  });

  it('options that are no object', () => {
    expect(() => znorm(1e-8 as ZnormOptions)).toThrow(
      new TypeError('znorm: expected options to be an object, got 1e-8.'),
    );
  });
});

/** What the first element of a constant becomes with one running float32 sum for each statistic. */
function float32ZnormOfConstant(constant: number, size: number): number {
  const value = Math.fround(constant);
  let sum = 0;
  for (let k = 0; k < size; k++) sum = Math.fround(sum + value);
  const distance = Math.fround(value - Math.fround(sum / size));
  let squares = 0;
  for (let k = 0; k < size; k++) squares = Math.fround(squares + Math.fround(distance * distance));
  return distance === 0 ? 0 : distance / Math.sqrt(squares / size);
}
