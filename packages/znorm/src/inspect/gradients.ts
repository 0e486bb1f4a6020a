import type { ArrayTensor } from '../backends/arrays.ts';
import { knownOptions, nonNegative, positive } from '../option-checks.ts';
import { layerOf, type Named } from '../parameters.ts';

/** What one pass over a gradient tells. All but the counts are NaN or infinite if an element is. */
export interface TensorSummary {
  /** Number of elements. */
  readonly size: number;
  readonly mean: number;
  /** Population standard deviation; 0 exactly for a constant tensor. */
  readonly std: number;
  /** Euclidean norm. */
  readonly norm: number;
  /** Share of elements that are exactly 0, in [0, 1]. */
  readonly zeros: number;
  /** Largest |element|; not counting NaN. */
  readonly largest: number;
  /** Number of elements that are NaN or infinite. */
  readonly nonfinite: number;
}

export interface InspectOptions {
  /**
   * A layer whose root mean square is at or below this is vanishing; unit of the gradient. The default is the `eps`
   * of Adam, under which even Adam no longer takes full steps. @default 1e-8
   */
  readonly vanishing?: number;
  /**
   * A layer whose norm is at or above this, or not finite, is exploding; unit of the gradient. The default is a
   * hundred times the norm that gradients are usually clipped to. @default 100
   */
  readonly exploding?: number;
}

export interface GradientInspection {
  readonly tensors: Readonly<Record<string, TensorSummary>>;
  /** Norm of each layer: of all tensors whose path differs in the last segment only. */
  readonly layers: Readonly<Record<string, number>>;
  /** Norm of all gradients together. */
  readonly norm: number;
  /** Largest over smallest norm of layers that are neither 0 nor non-finite; undefined if there is none. */
  readonly ratio: { readonly value: number; readonly largest: string; readonly smallest: string } | undefined;
  /** Layers whose gradients vanish or explode, by the thresholds of `InspectOptions`. */
  readonly vanishing: readonly string[];
  readonly exploding: readonly string[];
}

/**
 * Looks at gradients (or updates) tensor by tensor and layer by layer, reading each element once, so that it can run
 * during training. Sums are float64.
 *
 * @throws RangeError if a threshold is out of its range
 * @example
 * const { ratio, vanishing } = inspectGradients({ 'a/kernel': tensor([3, 4]), 'b/kernel': tensor([0.5]) });
 * ratio; // { value: 10, largest: 'a', smallest: 'b' }
 * vanishing; // []
 */
export function inspectGradients(
  gradients: Named<ArrayTensor>,
  options: InspectOptions = {},
): GradientInspection {
  knownOptions('inspectGradients', options, ['vanishing', 'exploding']);
  const vanishing = nonNegative('inspectGradients', 'vanishing', options.vanishing ?? 1e-8);
  const exploding = positive('inspectGradients', 'exploding', options.exploding ?? 100);

  const tensors: Record<string, TensorSummary> = {};
  const layers = new Map<string, { size: number; squares: number }>();
  for (const [path, { data }] of Object.entries(gradients)) {
    const summary = summarize(data);
    tensors[path] = summary;
    const layer = layers.get(layerOf({ path })) ?? { size: 0, squares: 0 };
    layers.set(layerOf({ path }), {
      size: layer.size + summary.size,
      squares: layer.squares + summary.norm ** 2,
    });
  }

  const norms = [...layers].map(([name, { squares }]) => [name, Math.sqrt(squares)] as const);
  const squares = [...layers.values()].reduce((sum, layer) => sum + layer.squares, 0);
  return {
    tensors,
    layers: Object.fromEntries(norms),
    norm: Math.sqrt(squares),
    ratio: largestToSmallest(norms),
    vanishing: [...layers].filter(([, layer]) => vanishes(layer, vanishing)).map(([name]) => name),
    exploding: norms.filter(([, norm]) => !(norm < exploding)).map(([name]) => name),
  };
}

/** sqrt(Σ x² / d) at or below the threshold; a layer without elements has no gradient to lose. */
function vanishes({ size, squares }: { size: number; squares: number }, threshold: number): boolean {
  return size > 0 && Math.sqrt(squares / size) <= threshold;
}

/**
 * Mean and variance in one pass, about the first element s instead of 0, so that nothing cancels where all elements
 * are alike:
 *
 *     mean = s + Σ(x − s)/d        std² = Σ(x − s)²/d − (Σ(x − s)/d)²
 */
function summarize(data: Float32Array | Float64Array): TensorSummary {
  const size = data.length;
  const shift = Number.isFinite(data[0]) ? data[0] : 0;
  let sum = 0;
  let shiftedSquares = 0;
  let squares = 0;
  let zeros = 0;
  let largest = 0;
  let nonfinite = 0;
  for (let k = 0; k < size; k++) {
    const x = data[k];
    const distance = x - shift;
    sum += distance;
    shiftedSquares += distance * distance;
    squares += x * x;
    if (x === 0) zeros++;
    const magnitude = Math.abs(x);
    if (magnitude > largest) largest = magnitude;
    if (!(magnitude < Infinity)) nonfinite++;
  }
  const count = Math.max(size, 1);
  const offset = sum / count;
  return {
    size,
    mean: shift + offset,
    std: Math.sqrt(Math.max(0, shiftedSquares / count - offset * offset)),
    norm: Math.sqrt(squares),
    zeros: zeros / count,
    largest,
    nonfinite,
  };
}

function largestToSmallest(norms: readonly (readonly [string, number])[]): GradientInspection['ratio'] {
  const usable = norms.filter(([, norm]) => norm > 0 && norm < Infinity);
  if (usable.length === 0) return undefined;
  const largest = usable.reduce((best, next) => (next[1] > best[1] ? next : best));
  const smallest = usable.reduce((best, next) => (next[1] < best[1] ? next : best));
  return { value: largest[1] / smallest[1], largest: largest[0], smallest: smallest[0] };
}
