import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adam,
  centralize,
  chain,
  clipByGlobalNorm,
  clipByNorm,
  type GradientTransformation,
  normalizeByNorm,
  scale,
  scaleByAdam,
  tensor,
  trace,
  znorm,
} from '../src/index.ts';
import { relativeError } from './closeness.ts';
import { firstStep, steps } from './stepping.ts';

// The same cases at every run; the full suite looks for new ones.
if (!process.env.ZNORM_FULL) fc.configureGlobal({ seed: 1 });

/** Gradients of 2 to 40 elements, each a multiple of 2^-10 in [−8, 8]: sums of them are exact. */
const gradient = fc
  .array(
    fc.integer({ min: -8192, max: 8192 }).map((k) => k / 1024),
    { minLength: 2, maxLength: 40 },
  )
  .filter((g) => Math.max(...g) - Math.min(...g) > 0.01);
const eps = fc.constantFrom(0, 1e-8, 1e-3, 1);

const only = (transformation: GradientTransformation, g: readonly number[]) =>
  firstStep(transformation, { w: g }).w.data;
const std = (g: ArrayLike<number>) => {
  const values = Array.from(g);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
};
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, k) => sum + x * b[k], 0);

// Elements of a result are off by up to two float32 roundings of the largest one.
const float32 = 2 ** -22;

describe('znorm', () => {
  it('still descends: ⟨g, znorm(g)⟩ = d·σ²/(σ + eps) >= 0', () => {
    fc.assert(
      fc.property(gradient, eps, (g, eps) => {
        const product = dot(g, only(znorm({ eps }), g));
        const expected = (g.length * std(g) ** 2) / (std(g) + eps);
        expect(product).toBeGreaterThan(0);
        // The sum holds d products, each off by a rounding of at most max|g|·max|u|.
        const bound = float32 * g.length * 8 * Math.sqrt(g.length);
        expect(Math.abs(product - expected)).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it('gives every gradient of d elements the norm √d, less what eps takes', () => {
    fc.assert(
      fc.property(gradient, eps, (g, eps) => {
        const u = only(znorm({ eps }), g);
        const expected = (Math.sqrt(g.length) * std(g)) / (std(g) + eps);
        expect(Math.abs(Math.sqrt(dot(u, u)) / expected - 1)).toBeLessThan(4 * float32);
      }),
    );
  });

  it('a second time changes nothing', () => {
    fc.assert(
      fc.property(gradient, (g) => {
        const once = only(znorm(), g);
        const twice = only(znorm(), Array.from(once));
        // What eps = 1e-8 took off the first time is found again the second time.
        expect(relativeError(twice, once)).toBeLessThan(float32 + 1e-8 / std(g) + 1e-8);
      }),
    );
  });

  it('is blind to g → a·g + b for a > 0, and mirrors for a < 0', () => {
    const exponent = fc.integer({ min: -10, max: 10 });
    const shift = fc.integer({ min: -4, max: 4 });
    fc.assert(
      fc.property(gradient, exponent, shift, fc.boolean(), (g, exponent, shift, mirrored) => {
        // Powers of two keep a·g + b exact, so that what differs is znorm's doing.
        const a = (mirrored ? -1 : 1) * 2 ** exponent;
        const transformed = g.map((x) => a * (x + shift));
        const sign = Math.sign(a);
        expect(
          relativeError(
            only(znorm({ eps: 0 }), transformed),
            only(znorm({ eps: 0 }), g).map((u) => sign * u),
          ),
        ).toBeLessThan(float32);
      }),
    );
  });

  it('undoes clipping by norm that comes before it', () => {
    fc.assert(
      fc.property(gradient, fc.double({ min: 0.01, max: 10, noNaN: true }), (g, maxNorm) => {
        for (const clip of [clipByNorm({ maxNorm }), clipByGlobalNorm({ maxNorm })]) {
          const clipped = only(chain(clip, znorm({ eps: 0 })), g);
          // Clipping rounds each element once; centring then amplifies by the largest element over the deviation.
          const amplified = 1 + Math.max(...g.map(Math.abs)) / std(g);
          expect(relativeError(clipped, only(znorm({ eps: 0 }), g))).toBeLessThan(float32 * amplified);
        }
      }),
    );
  });

  it('after centralize has nothing left to centre, row by row', () => {
    fc.assert(
      fc.property(gradient, (g) => {
        const w = tensor([...g, ...g.map((x) => 2 * x + 1)], [2, g.length]);
        const updates = firstStep(chain(centralize(), znorm({ scope: 'output' })), { w });
        expect(
          relativeError(updates.w.data, firstStep(znorm({ scope: 'output' }), { w }).w.data),
        ).toBeLessThan(4 * float32);
      }),
    );
  });
});

describe('statistics of several tensors', () => {
  const parts = fc.array(gradient, { minLength: 2, maxLength: 5 });

  it.each(['layer', 'global'] as const)(
    'in scope %s are those of all their elements in one tensor',
    (scope) => {
      fc.assert(
        fc.property(parts, (parts) => {
          const named = Object.fromEntries(parts.map((g, i) => [`layer/${i}`, g]));
          for (const make of [znorm, normalizeByNorm]) {
            const separate = Object.values(firstStep(make({ scope }), named)).flatMap(({ data }) =>
              Array.from(data),
            );
            expect(relativeError(separate, only(make(), parts.flat()))).toBeLessThan(float32);
          }
        }),
      );
    },
  );
});

describe('clipping', () => {
  const limit = fc.double({ min: 0.01, max: 100, noNaN: true });

  it('never lengthens, never exceeds the limit, and keeps the direction', () => {
    fc.assert(
      fc.property(gradient, limit, (g, maxNorm) => {
        const u = only(clipByNorm({ maxNorm }), g);
        const [before, after] = [Math.sqrt(dot(g, g)), Math.sqrt(dot(u, u))];
        expect(after).toBeLessThanOrEqual(Math.min(before, maxNorm) * (1 + float32));
        expect(dot(u, g) / (before * after)).toBeGreaterThan(1 - float32);
      }),
    );
  });

  it('together is the same as clipping the concatenation', () => {
    fc.assert(
      fc.property(gradient, gradient, limit, (a, b, maxNorm) => {
        const together = firstStep(clipByGlobalNorm({ maxNorm }), { a, b });
        const whole = only(clipByNorm({ maxNorm }), [...a, ...b]);
        expect(relativeError([...together.a.data, ...together.b.data], whole)).toBeLessThan(float32);
      }),
    );
  });
});

describe('Adam', () => {
  it('is blind to a constant factor on all gradients', () => {
    fc.assert(
      fc.property(gradient, fc.integer({ min: -8, max: 8 }), (g, exponent) => {
        const history = [g, g.map((x) => -x / 2), g.map((x) => x + 1)].map((w) => ({ w }));
        const run = (transformation: GradientTransformation) =>
          steps(transformation, history)[2].updates.w.data;
        const scaled = chain(scale({ factor: 2 ** exponent }), scaleByAdam({ eps: 1e-30 }));
        expect(relativeError(run(scaled), run(scaleByAdam({ eps: 1e-30 })))).toBeLessThan(float32);
      }),
    );
  });
});

describe('chain', () => {
  const parts = fc.constantFrom(znorm(), trace(), adam(), centralize(), clipByNorm({ maxNorm: 1 }));

  it('is associative, to the bit', () => {
    fc.assert(
      fc.property(parts, parts, parts, gradient, (a, b, c, w) => {
        const run = (transformation: GradientTransformation) => steps(transformation, [{ w }, { w }]);
        expect(run(chain(chain(a, b), c))).toEqual(run(chain(a, chain(b, c))));
      }),
    );
  });
});
