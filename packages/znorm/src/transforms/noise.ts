import { knownOptions, nonNegative, optionError, positive } from '../option-checks.ts';
import { sizeOf } from '../parameters.ts';
import { weightedSum } from '../tensor-ops.ts';
import { type Primitive, primitive } from '../transformation.ts';

export interface AddNoiseOptions {
  /** η: variance of the first step's noise; unit of the gradient squared. */
  readonly eta: number;
  /** γ: how fast the variance falls. @default 0.55 */
  readonly gamma?: number;
  /** Whole number >= 0: another seed is other noise. @default 0 */
  readonly seed?: number;
}

/**
 * Adds noise that fades, which helps very deep networks out of a bad start.
 *
 *     u ← g + sqrt(η / (1 + t)^γ) · n,   n standard normal, t = 0, 1, …
 *
 * n is a function of seed, path, step and place alone: restored training sees the noise that uninterrupted training
 * sees, and every backend sees the same, since it is drawn in JavaScript and brought in with the gradients. What is
 * compiled must be fed with it (`drawnAt`); a step that cannot be fed cannot have it.
 *
 * Shapes: any. State: none. Params: unused. Before a normalization the noise counts by its share of the gradient.
 *
 * @throws RangeError if `eta` is not > 0, `gamma` is negative, or `seed` is no whole number >= 0
 * @throws TypeError  from `updateTensors` without `drawn`
 * @example
 * chain(addNoise({ eta: 0.01, gamma: 0.55, seed: 1 }), sgd({ learningRate: 0.1 }))
 * @see Neelakantan et al. 2015, arXiv 1511.06807; Optax, add_noise
 */
export function addNoise(options: AddNoiseOptions): Primitive {
  knownOptions('addNoise', options, ['eta', 'gamma', 'seed']);
  const eta = positive('addNoise', 'eta', options.eta);
  const gamma = nonNegative('addNoise', 'gamma', options.gamma ?? 0.55);
  const { seed = 0 } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw optionError('addNoise', 'seed', 'to be a whole number >= 0', seed);
  }
  return primitive({
    name: 'addNoise',
    options,
    scalars: { deviation: (step) => Math.sqrt(eta / (1 + step) ** gamma) },
    draws: { noise: (step, { path, shape }) => normals(sizeOf(shape), seed, path, step) },
    update: (ops, g, { drawn, scalars }) => ({
      updates: weightedSum(ops, 1, g, scalars.deviation, drawn.noise),
    }),
  });
}

/** Standard normal numbers by Box and Muller: two of u, v uniform are sqrt(−2 ln u) · (cos 2πv, sin 2πv). */
function normals(count: number, seed: number, path: string, step: number): Float32Array {
  const out = new Float32Array(count);
  const key = [seed % 2 ** 32, hashed(path)] as const;
  for (let i = 0; i < count; i += 4) {
    const words = philox(
      [i / 4, step % 2 ** 32, Math.floor(step / 2 ** 32), Math.floor(seed / 2 ** 32)],
      key,
    );
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log((words[pair] + 0.5) / 2 ** 32));
      const angle = (2 * Math.PI * words[pair + 1]) / 2 ** 32;
      out[i + pair] = radius * Math.cos(angle);
      if (i + pair + 1 < count) out[i + pair + 1] = radius * Math.sin(angle);
    }
  }
  return out;
}

type Words = readonly [number, number, number, number];

/**
 * Philox4x32-10 (Salmon et al. 2011): four random words of a counter and a key, with no state in between. Ten rounds of
 *
 *     (a, b, c, d) ← (hi(M₁·c) ⊕ b ⊕ k₀, lo(M₁·c), hi(M₀·a) ⊕ d ⊕ k₁, lo(M₀·a)),   k ← k + W
 */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = [highWord(0xd2511f53, a), Math.imul(0xd2511f53, a)];
    const [high1, low1] = [highWord(0xcd9e8d57, c), Math.imul(0xcd9e8d57, c)];
    [a, b, c, d] = [(high1 ^ b ^ k0) >>> 0, low1 >>> 0, (high0 ^ d ^ k1) >>> 0, low0 >>> 0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper 32 bits of a product of two 32-bit words, by halves: no intermediate exceeds 2^53. */
function highWord(x: number, y: number): number {
  const [x1, x0, y1, y0] = [x >>> 16, x & 0xffff, y >>> 16, y & 0xffff];
  const middle = x1 * y0 + Math.floor((x0 * y0) / 0x10000);
  const carry = (middle % 0x10000) + x0 * y1;
  return (x1 * y1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** FNV-1a of a text's code units: which tensor's noise it is. */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
