import { describe, expect, it } from 'vitest';
import {
  adam,
  arrays,
  chain,
  init,
  linear,
  nonfinite,
  sgd,
  skipLargeUpdates,
  tensor,
  trace,
  update,
  zeroNonFinite,
} from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep, steps } from '../stepping.ts';

describe("nonfinite, action 'throw'", () => {
  it('hands over finite gradients as the very objects that came in', () => {
    const gradients = { a: tensor([1, -2]), b: tensor([3]) };
    const updates = firstStep(nonfinite(), gradients);
    expect(updates.a).toBe(gradients.a);
    expect(updates.b).toBe(gradients.b);
  });

  it('names the first tensor, its share, and how many more', () => {
    const gradients = { a: [1, 2], b: [NaN, 1, Infinity], c: [-Infinity], d: [0] };
    expect(() => firstStep(nonfinite(), gradients)).toThrow(
      new RangeError(
        "nonfinite: expected finite gradients, got 2 of 3 elements NaN or infinite at 'b' and in 1 more of 4 tensors. Lower the learning rate, clip, or choose `action: 'skip'`.",
      ),
    );
  });

  it('is refused by a backend that cannot read values', () => {
    const { toNumber: _, ...tracing } = arrays;
    const gradients = { a: tensor([1]) };
    const state = init(nonfinite(), gradients, undefined, tracing);
    expect(() => update(nonfinite(), gradients, state, undefined, undefined, tracing)).toThrow(
      new TypeError(
        "nonfinite: expected a backend that can read values for `action: 'throw'`, got one that is tracing. Use 'skip' or 'zero'.",
      ),
    );
  });
});

describe("nonfinite, action 'skip'", () => {
  it('ends the step: updates are 0 and no later state moves', () => {
    const guarded = chain(nonfinite({ action: 'skip' }), adam());
    const [first, skipped] = steps(guarded, [
      { a: [1, 2], b: [3] },
      { a: [1, NaN], b: [3] },
    ]);
    expect(skipped.updates.a.data).toEqual(Float32Array.of(0, 0));
    expect(skipped.updates.b.data).toEqual(Float32Array.of(0));
    expect(skipped.state.slots).toEqual(first.state.slots);
    expect(skipped.state.gates).toEqual({ nonfinite: { passed: 1, skippedInARow: 1 } });
    expect(skipped.state.step).toBe(2);
  });

  it('stops the clock of what comes after it: a skipped step takes nothing off a schedule', () => {
    const learningRate = linear({ from: 1, to: 0, steps: 4 });
    const results = steps(chain(nonfinite({ action: 'skip' }), sgd({ learningRate })), [
      { w: [1] },
      { w: [NaN] },
      { w: [1] },
      { w: [1] },
    ]);
    expectElements(
      results.map(({ updates }) => updates.w.data[0]),
      [-1, 0, -0.75, -0.5],
    );
  });

  it('keeps the state of what comes before it', () => {
    const [, skipped] = steps(chain(trace(), nonfinite({ action: 'skip' })), [{ w: [1] }, { w: [Infinity] }]);
    expect(skipped.state.slots.w['trace.trace'].data).toEqual(Float32Array.of(Infinity));
  });

  it('ends training after ten skipped steps in a row unless told otherwise', () => {
    const bad = { w: [NaN] };
    const guard = nonfinite({ action: 'skip' });
    expect(() => steps(guard, new Array(10).fill(bad))).not.toThrow();
    expect(() => steps(guard, new Array(11).fill(bad))).toThrow('at most 10 skipped steps in a row, got 11');
  });

  it('ends training after more skipped steps in a row than allowed, and forgives them after a good one', () => {
    const guard = nonfinite({ action: 'skip', maxConsecutive: 2 });
    const [good, bad] = [{ w: [1] }, { w: [NaN] }];
    expect(() => steps(guard, [bad, bad, good, bad, bad])).not.toThrow();
    expect(() => steps(guard, [good, bad, bad, bad])).toThrow(
      new RangeError(
        'nonfinite: expected at most 2 skipped steps in a row, got 3. Lower the learning rate, or look at the gradients with inspectGradients().',
      ),
    );
  });
});

describe("nonfinite, action 'zero'", () => {
  it('replaces what is not finite by 0 and reports how many elements it was', () => {
    const [{ updates, reports }] = steps(nonfinite({ action: 'zero' }), [
      { a: [1, NaN, -Infinity, -2], b: [3] },
    ]);
    expect(updates.a.data).toEqual(Float32Array.of(1, 0, 0, -2));
    expect(reports.map(({ path, name, value }) => [path, name, value.data[0]])).toEqual([
      ['a', 'nonfinite', 2],
      ['b', 'nonfinite', 0],
    ]);
  });
});

describe('nonfinite refuses', () => {
  it('an unknown action', () => {
    expect(() => nonfinite({ action: 'ignore' as 'skip' })).toThrow(
      new RangeError("nonfinite: expected `action` to be one of 'throw', 'skip', 'zero', got 'ignore'."),
    );
  });

  it('a limit that has no meaning', () => {
    expect(() => nonfinite({ action: 'zero', maxConsecutive: 3 })).toThrow(
      new RangeError("nonfinite: expected `maxConsecutive` to go with action 'skip', got 3."),
    );
    expect(() => nonfinite({ action: 'skip', maxConsecutive: 0 })).toThrow(
      new RangeError('nonfinite: expected `maxConsecutive` to be a whole number >= 1, got 0.'),
    );
  });
});

describe('skipLargeUpdates', () => {
  const guarded = chain(skipLargeUpdates({ maxNorm: 5, maxConsecutive: 2 }), trace({ momentum: 0.5 }));
  const small = { a: [3], b: [4] };
  const large = { a: [3], b: [4.1] };

  it('takes steps up to its norm over all tensors, and leaves larger ones and their state out', () => {
    const [first, second, third] = steps(guarded, [small, large, small]);
    expect([first.updates.a.data[0], first.updates.b.data[0]]).toEqual([3, 4]);
    expect([second.updates.a.data[0], second.updates.b.data[0]]).toEqual([0, 0]);
    expect([third.updates.a.data[0], third.updates.b.data[0]]).toEqual([4.5, 6]);
  });

  it('gives up after too many in a row', () => {
    expect(() => steps(guarded, [large, small, large, large])).not.toThrow();
    expect(() => steps(guarded, [large, large, large])).toThrow(
      new RangeError(
        'skipLargeUpdates: expected at most 2 skipped steps in a row, got 3. Lower the learning rate, or look at the gradients with inspectGradients().',
      ),
    );
  });

  it('takes NaN for too large', () => {
    expect(Array.from(firstStep(guarded, { a: [NaN, 1] }).a.data)).toEqual([0, 0]);
  });
});

describe('zeroNonFinite', () => {
  it('replaces what is not finite and says how much it was', () => {
    const [{ updates, reports }] = steps(zeroNonFinite(), [{ a: [1, NaN, -Infinity] }]);
    expect(Array.from(updates.a.data)).toEqual([1, 0, 0]);
    expect(reports.map(({ name, value }) => [name, value.data[0]])).toEqual([['nonfinite', 2]]);
  });
});
