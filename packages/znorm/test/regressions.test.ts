import { describe, expect, it } from 'vitest';
import { adam, init, type Named, scaleByAdam, tensor, update, znorm } from '../src/index.ts';
import { firstStep } from './stepping.ts';

/** Defects of TensorFlow.js 4.22 that users of gradient normalization met. */
describe('unlike TensorFlow.js', () => {
  it('updating some of the parameters uses their own moments, in whatever order they are named', () => {
    const moments = scaleByAdam();
    const params = { a: tensor([0, 0]), b: tensor([0, 0]), c: tensor([0]) };
    const [first, second] = [
      { a: tensor([1, 2]), b: tensor([-30, 40]), c: tensor([5]) },
      { c: tensor([-1]), b: tensor([7, 7]) },
    ];
    const all = update(moments, first, init(moments, params)).state;
    const some = update(moments, second, all);

    // b alone, as if it had been trained by itself
    const only = ({ b }: Named<ReturnType<typeof tensor>>) => ({ b });
    const alone = update(
      moments,
      only(second),
      update(moments, only(first), init(moments, only(params))).state,
    );
    expect(some.updates.b).toEqual(alone.updates.b);
    expect(some.state.slots.b).toEqual(alone.state.slots.b);
    expect(some.state.slots.a).toEqual(all.slots.a);
  });

  it('a clipping option inside the optimizer is an error that says where clipping goes', () => {
    expect(() => adam({ learningRate: 0.001, clipValue: 0.5 } as object)).toThrow(
      new TypeError(
        'adam: unknown option `clipValue`. Clip before it: chain(clipByValue({ clipValue }), adam({ … })).',
      ),
    );
  });

  it('a constant gradient does not become noise', () => {
    // 36,864 × 0.1 in running float32 sums has a mean of 0.0999… and a "deviation" that makes every element ±1.
    const { w } = firstStep(znorm(), { w: tensor(new Float32Array(36_864).fill(0.1)) });
    expect(w.data.every((u) => u === 0)).toBe(true);
  });
});
