/** How far apart the borders of two masks are. */

/**
 * The 95th percentile of the distances from every border pixel of each mask to the nearest one of the other, in pixels.
 * Unlike their maximum, the Hausdorff distance, it does not hang on a single pixel. A border pixel is inside and has one
 * of its four neighbours outside.
 *
 *     HD95 = percentile₉₅( { d(a, ∂B) : a ∈ ∂A } ∪ { d(b, ∂A) : b ∈ ∂B } )        linear between ranks, as in NumPy
 *
 * @param a, b  masks `[height, width]`, of which every number but 0 is inside
 * @returns 0 for two empty masks; the diagonal of the image if one of them is empty
 * @throws RangeError if a mask is not of that size
 */
export function hausdorff95(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [height, width]: readonly [number, number],
): number {
  for (const mask of [a, b])
    if (mask.length !== height * width)
      throw new RangeError(
        `hausdorff95: expected masks of ${height}×${width} pixels, got one of ${mask.length}.`,
      );
  const [borderA, borderB] = [border(a, height, width), border(b, height, width)];
  if (borderA.length === 0 && borderB.length === 0) return 0;
  if (borderA.length === 0 || borderB.length === 0) return Math.hypot(height, width);
  const [toA, toB] = [squaredDistances(borderA, height, width), squaredDistances(borderB, height, width)];
  const distances = Float64Array.from(
    [...borderA.map((i) => toB[i]!), ...borderB.map((i) => toA[i]!)],
    Math.sqrt,
  );
  return percentile(distances.sort(), 0.95);
}

function border(mask: ArrayLike<number>, height: number, width: number): number[] {
  const inside = (y: number, x: number) =>
    y >= 0 && y < height && x >= 0 && x < width && mask[y * width + x] !== 0;
  const found: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const enclosed = inside(y - 1, x) && inside(y + 1, x) && inside(y, x - 1) && inside(y, x + 1);
      if (inside(y, x) && !enclosed) found.push(y * width + x);
    }
  return found;
}

/**
 * Squared distance of every pixel to the nearest of some, exact: first along columns, then along rows the lower
 * envelope of parabolas.
 *
 * @see Felzenszwalb and Huttenlocher 2012, Distance Transforms of Sampled Functions
 */
function squaredDistances(pixels: readonly number[], height: number, width: number): Float64Array {
  const far = height + width;
  const grid = new Float64Array(height * width).fill(far * far);
  for (const i of pixels) grid[i] = 0;
  for (let x = 0; x < width; x++) transformLine(grid, x, width, height);
  for (let y = 0; y < height; y++) transformLine(grid, y * width, 1, width);
  return grid;
}

/** d(p) ← min over q of (p − q)² + d(q), for the `count` numbers at `start`, `start + stride`, … */
function transformLine(grid: Float64Array, start: number, stride: number, count: number): void {
  const values = Float64Array.from({ length: count }, (_, q) => grid[start + q * stride]!);
  const vertices = [0];
  const from = [-Infinity];
  for (let q = 1; q < count; q++) {
    let crossing = -Infinity;
    for (;;) {
      const v = vertices.at(-1)!;
      crossing = (values[q]! + q * q - values[v]! - v * v) / (2 * (q - v));
      if (crossing > from.at(-1)!) break;
      vertices.pop();
      from.pop();
    }
    vertices.push(q);
    from.push(crossing);
  }
  for (let p = 0, k = 0; p < count; p++) {
    while (k + 1 < vertices.length && from[k + 1]! < p) k++;
    const v = vertices[k]!;
    grid[start + p * stride] = (p - v) ** 2 + values[v]!;
  }
}

function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}
