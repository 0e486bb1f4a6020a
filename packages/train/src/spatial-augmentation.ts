import { fillNormal, integer, type RandomStream, uniform } from './random.ts';

/** How training images are moved, together with their masks. Whatever is left out stays as it is. */
export interface SpatialAugmentation {
  /** Mirrors left and right with probability ½. @default false */
  readonly mirror?: boolean;
  /** A multiple of a right angle, each with probability ¼; for images without an up and down. @default false */
  readonly quarterTurns?: boolean;
  /** Largest rotation to either side, in degrees. @default 0 */
  readonly rotate?: number;
  /** Largest share by which an image is enlarged or reduced. @default 0 */
  readonly zoom?: number;
  /** Standard deviation, in pixels, of the points of a coarse grid that bend the image. @default 0 */
  readonly elastic?: number;
  /**
   * Largest change of each channel's contrast, as a share, and 1½ times as much of its level, in the unit of the image.
   * Masks keep their values. @default 0
   */
  readonly intensity?: number;
}

/** What was drawn for one sample. */
export interface Warp {
  /** From an offset from the centre in the result to one in the source: [[a, b], [c, d]]. */
  readonly matrix: readonly [number, number, number, number];
  /** Displacements of the 4×4 control points, in pixels, or nothing. */
  readonly bend: { readonly x: Float32Array; readonly y: Float32Array } | undefined;
  /** One of each a channel. */
  readonly gains: readonly number[];
  readonly shifts: readonly number[];
}

/** Control points a side: the smallest grid of uniform cubic B-splines. */
const points = 4;

/** Draws the movement of one sample. The number of draws does not depend on what is switched on, nor on each other. */
export function drawWarp(
  next: RandomStream,
  channels: number,
  { mirror, quarterTurns, rotate = 0, zoom = 0, elastic = 0, intensity = 0 }: SpatialAugmentation,
): Warp {
  const mirrored = integer(next, 2) === 1 && mirror ? -1 : 1;
  const turns = integer(next, 4) * (quarterTurns ? 1 : 0);
  const angle = (uniform(next, -rotate, rotate) * Math.PI) / 180;
  const scale = 1 + uniform(next, -zoom, zoom);
  const offsets = () => {
    const drawn = new Float32Array(points * points);
    fillNormal(next, drawn, 0, elastic);
    return drawn;
  };
  const [x, y] = [offsets(), offsets()];
  const gains = Array.from({ length: channels }, () => 1 + uniform(next, -intensity, intensity));
  const shifts = Array.from({ length: channels }, () => 1.5 * uniform(next, -intensity, intensity));
  const [cos, sin] = cosineAndSine(angle);
  // Whole numbers for right angles, so that they move pixels onto pixels.
  const [cosTurn, sinTurn] = [
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ][turns];
  const along = scale * (cosTurn * cos - sinTurn * sin);
  const aside = scale * (sinTurn * cos + cosTurn * sin);
  return {
    matrix: [along * mirrored, -aside, aside * mirrored, along],
    bend: elastic > 0 ? { x, y } : undefined,
    gains,
    shifts,
  };
}

/**
 * By their series, whose terms fall below 2⁻⁵³ within 40 for |angle| ≤ π. Like `normalPair` it uses only what IEEE 754
 * fixes to the bit; the last bits of `Math.cos` are left to the engine.
 */
function cosineAndSine(angle: number): [number, number] {
  let [cos, sin, term] = [0, 0, 1];
  for (let k = 0; k < 40; k++) {
    const signed = k % 4 < 2 ? term : -term;
    if (k % 2 === 0) cos += signed;
    else sin += signed;
    term *= angle / (k + 1);
  }
  return [cos, sin];
}

/** An image and what is to be found in it, planes of one size one after the other. */
export interface WarpedPlanes {
  /** `[channels, height, width]`, moved with bilinear interpolation. */
  readonly image: Float32Array;
  /** `[height, width]`, moved by the nearest pixel, so that no new values appear. */
  readonly mask?: Float32Array;
}

/**
 * Writes a sample as drawn. Beyond the border, the outermost pixels go on.
 *
 *     out[p] = gain · in[c + M(p − c) + bend(p)] + shift        c the centre of the image
 *
 * @throws RangeError if the arrays do not have the sizes that the shape says
 */
export function warp(
  source: WarpedPlanes,
  [channels, height, width]: readonly [number, number, number],
  { matrix: [a, b, c, d], bend, gains, shifts }: Warp,
  out: WarpedPlanes,
): void {
  const area = height * width;
  for (const { image, mask } of [source, out])
    if (image.length !== channels * area || (mask !== undefined && mask.length !== area))
      throw new RangeError(
        `warp: expected an image of ${channels * area} numbers and a mask of ${area}, got ${image.length} and ${mask?.length ?? 'none'}.`,
      );
  const { image: from, mask: fromMask } = source;
  const { image: to, mask: toMask } = out;
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const [lastLeft, lastTop] = [Math.max(width - 2, 0), Math.max(height - 2, 0)];
  const bending = bend && {
    down: splineWeights(height),
    x: alongRows(bend.x, width),
    y: alongRows(bend.y, width),
  };
  for (let y = 0; y < height; y++) {
    const fromX = b * (y - middleY);
    const fromY = d * (y - middleY);
    for (let x = 0; x < width; x++) {
      let sourceX = a * (x - middleX) + fromX + middleX;
      let sourceY = c * (x - middleX) + fromY + middleY;
      if (bending !== undefined) {
        sourceX += bent(bending.x, x, bending.down, y);
        sourceY += bent(bending.y, x, bending.down, y);
      }
      sourceX = Math.min(Math.max(sourceX, 0), width - 1);
      sourceY = Math.min(Math.max(sourceY, 0), height - 1);
      // Not Math.floor: indices that are known to be integers take half the time.
      const left = Math.min(sourceX | 0, lastLeft);
      const top = Math.min(sourceY | 0, lastTop);
      const tx = sourceX - left;
      const ty = sourceY - top;
      const right = left + 1 < width ? 1 : 0;
      const bottom = top + 1 < height ? width : 0;
      const pixel = y * width + x;
      let corner = top * width + left;
      for (let channel = 0; channel < channels; channel++, corner += area) {
        const above = lerp(from[corner], from[corner + right], tx);
        const below = lerp(from[corner + bottom], from[corner + bottom + right], tx);
        to[channel * area + pixel] = gains[channel] * lerp(above, below, ty) + shifts[channel];
      }
      if (fromMask !== undefined && toMask !== undefined)
        toMask[pixel] = fromMask[((sourceY + 0.5) | 0) * width + ((sourceX + 0.5) | 0)];
    }
  }
}

const lerp = (a: number, b: number, t: number) => (t === 0 ? a : a + t * (b - a));

/** The four weights of uniform cubic B-splines for each pixel of a side. */
function splineWeights(count: number): Float64Array {
  const weights = new Float64Array(points * count);
  for (let i = 0; i < count; i++) {
    const t = count === 1 ? 0 : i / (count - 1);
    weights.set(
      [
        (1 - t) ** 3 / 6,
        (3 * t ** 3 - 6 * t ** 2 + 4) / 6,
        (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6,
        t ** 3 / 6,
      ],
      points * i,
    );
  }
  return weights;
}

/** For each row of control points and each column of pixels, the sum of the row's offsets by the column's weights. */
function alongRows(offsets: Float32Array, width: number): Float64Array {
  const across = splineWeights(width);
  const sums = new Float64Array(points * width);
  for (let x = 0; x < width; x++)
    for (let row = 0; row < points; row++)
      for (let column = 0; column < points; column++)
        sums[points * x + row] += across[points * x + column] * offsets[points * row + column];
  return sums;
}

/** The displacement of a pixel: a tensor product of splines, of which `along` is the first half. */
function bent(along: Float64Array, x: number, down: Float64Array, y: number): number {
  let sum = 0;
  for (let row = 0; row < points; row++) sum += down[points * y + row] * along[points * x + row];
  return sum;
}
