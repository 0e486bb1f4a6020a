import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of random numbers: each call gives the next 32 uniform bits, as an integer in [0, 2³²). */
export type RandomStream = () => number;

/**
 * The random stream of a name: independent of every other name, and reproducible from its arguments alone.
 *
 * Nothing of a stream is ever saved. What happens at step 5,000 is drawn from `randomStream(seed, 'dropout', 5000)`,
 * so a resumed run recreates it from the step number, and adding a use of randomness elsewhere changes nothing here.
 *
 * The key `[seed, name, ...counters]` is hashed to the 128-bit state of a xoroshiro128+ generator. Only integer
 * arithmetic is involved: the bits are the same in every engine and on every machine.
 *
 * @param seed      whole number >= 0
 * @param name      what the numbers are for, such as `'shuffle'`
 * @param counters  whole numbers >= 0 such as epoch or step
 * @throws RangeError if the seed or a counter is not a whole number >= 0
 * @example
 * const order = permutation(randomStream(seed, 'shuffle', epoch), images.length);
 */
export function randomStream(seed: number, name: string, ...counters: readonly number[]): RandomStream {
  for (const number of [seed, ...counters]) {
    if (!Number.isSafeInteger(number) || number < 0) {
      throw new RangeError(
        `randomStream: expected the seed and counters of '${name}' to be whole numbers >= 0, got ${number}.`,
      );
    }
  }
  // JSON keeps keys apart that joined text would confuse: ['a', 1, 2] and ['a', 12].
  const key = new TextEncoder().encode(JSON.stringify([seed, name, ...counters]));
  const generator = xoroshiro128plusFromState([0, 1, 2, 3].map((lane) => murmur3(key, lane)));
  return () => generator.next() >>> 0;
}

/** A number uniform in [low, high), on a grid of 2⁻³² of the range. */
export function uniform(next: RandomStream, low = 0, high = 1): number {
  return low + (high - low) * (next() * 2 ** -32);
}

/**
 * A whole number uniform in [0, bound), for bound <= 2³², without bias: draws past the last full bucket are redrawn.
 * Buckets are runs of consecutive draws, so the result rests on the high bits; the low bits of xoroshiro128+ are weak.
 */
export function integer(next: RandomStream, bound: number): number {
  if (!Number.isSafeInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`integer: expected \`bound\` to be a whole number from 1 to 2^32, got ${bound}.`);
  }
  const bucket = Math.floor(2 ** 32 / bound);
  let draw = next();
  while (draw >= bucket * bound) draw = next();
  return Math.floor(draw / bucket);
}

/** The numbers 0 … count − 1 in random order (Fisher-Yates). */
export function permutation(next: RandomStream, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = integer(next, last + 1);
    const held = order[last];
    order[last] = order[other];
    order[other] = held;
  }
  return order;
}

/** Fills `out` with numbers uniform in [low, high), rounded to float32. */
export function fillUniform(next: RandomStream, out: Float32Array, low = 0, high = 1): void {
  for (let i = 0; i < out.length; i++) out[i] = uniform(next, low, high);
}

/** Fills `out` with numbers of the normal distribution, rounded to float32. */
export function fillNormal(next: RandomStream, out: Float32Array, mean = 0, std = 1): void {
  for (let i = 0; i < out.length; i += 2) {
    const [first, second] = normalPair(next);
    out[i] = mean + std * first;
    if (i + 1 < out.length) out[i + 1] = mean + std * second;
  }
}

/**
 * Two independent standard normal numbers, by Marsaglia's polar method: for (u, v) uniform in the unit disc and
 * s = u² + v², both u·f and v·f with f = sqrt(−2 ln(s) / s) are normal.
 *
 * Reproducible because only +, −, ×, ÷ and sqrt take part, and IEEE 754 fixes each of them to the bit. `Math.log` is
 * not used: the language leaves its last bits to the engine.
 */
export function normalPair(next: RandomStream): [number, number] {
  for (;;) {
    const u = uniform(next, -1, 1);
    const v = uniform(next, -1, 1);
    const s = u * u + v * v;
    if (s >= 1 || s === 0) continue;
    const factor = Math.sqrt((-2 * naturalLogarithm(s)) / s);
    return [u * factor, v * factor];
  }
}

/**
 * ln(x) for 0 < x <= 1, within 2 units of the last place.
 *
 *     x = m·2^−k, sqrt(½) <= m < sqrt(2):   ln x = 2·artanh((m − 1)/(m + 1)) − k·ln 2
 *     artanh t = t + t³/3 + t⁵/5 + …,   |t| < 0.1716, so the term after t²¹/21 is below 2⁻⁵³
 */
export function naturalLogarithm(x: number): number {
  let m = x;
  let halvings = 0;
  for (; m < Math.SQRT1_2; m *= 2) halvings++;
  const t = (m - 1) / (m + 1);
  let series = 0;
  for (let power = 21; power >= 1; power -= 2) series = series * t * t + 1 / power;
  return 2 * t * series - halvings * Math.LN2;
}

/** MurmurHash3, x86 variant with 32 bits (Appleby, public domain), as a signed integer. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const mix = (block: number) => Math.imul(rotateLeft(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  const blocks = bytes.length >> 2;
  let hash = seed;
  for (let i = 0; i < blocks; i++) {
    const at = 4 * i;
    hash ^= mix(bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    hash = (Math.imul(rotateLeft(hash, 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= 4 * blocks; at--) tail = (tail << 8) | bytes[at];
  hash ^= mix(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
