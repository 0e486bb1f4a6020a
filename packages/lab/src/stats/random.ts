/**
 * A seeded stream of numbers in [0, 1): the sfc32 generator, period about 2^128. Statistics that draw at random
 * must give the same answer for the same record.
 *
 * @param seed  any whole number; its low 32 bits count
 * @see Doty-Humphrey, PractRand (sfc32)
 */
export function seededRandom(seed: number): () => number {
  let a = seed | 0;
  let b = 0;
  let c = 0;
  let counter = 1;
  const next = () => {
    const out = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return (out >>> 0) / 2 ** 32;
  };
  // Twelve rounds spread the few bits of the seed over the whole state.
  for (let round = 0; round < 12; round++) next();
  return next;
}
