import type { TransformationJson } from 'znorm';

/** Up in a straight line for a twentieth of the run, then down along a cosine: what transformers are trained by. */
export function warmupCosine(largest: number, steps: number): TransformationJson {
  const rise = Math.max(1, Math.round(steps / 20));
  const fall = Math.max(1, steps - rise);
  return { warmup: { steps: rise, into: { cosine: { from: largest, steps: fall } } } };
}
