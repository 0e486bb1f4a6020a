import { integer, type RandomStream } from './random.ts';

/** How training images are varied, anew each epoch. */
export interface Augmentation {
  /** Pads this many pixels of 0 on every side, then cuts a window of the old size at a random place. @default 0 */
  readonly crop?: number;
  /** Mirrors left and right with probability ½. @default false */
  readonly flip?: boolean;
}

/** What was drawn for one image: the window's offset from the unpadded image, and whether to mirror it. */
export interface Placement {
  readonly down: number;
  readonly right: number;
  readonly mirrored: boolean;
}

/** The image as it is. */
export const unmoved: Placement = { down: 0, right: 0, mirrored: false };

/** Draws the placement of one image. Always three draws, so that images do not shift each other's randomness. */
export function drawPlacement(next: RandomStream, { crop = 0, flip = false }: Augmentation): Placement {
  const down = integer(next, 2 * crop + 1) - crop;
  const right = integer(next, 2 * crop + 1) - crop;
  const mirrored = integer(next, 2) === 1;
  return { down, right, mirrored: flip && mirrored };
}

/** Per channel, in units of pixel values scaled to [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** (v/255 − mean)/std of every pixel value v, channel by channel: `[channels, 256]`. */
export function normalizationTable({ mean, std }: Normalization): Float32Array {
  return Float32Array.from({ length: 256 * mean.length }, (_, i) => {
    const channel = i >> 8;
    return ((i & 255) / 255 - mean[channel]) / std[channel];
  });
}

/**
 * Writes one image, moved and normalized. Pixels from outside the image are 0 before normalization, as when PyTorch's
 * `RandomCrop(padding)` and `RandomHorizontalFlip` run on the picture itself.
 *
 * @param pixels uint8 `[channels, height, width]`
 * @param out    float32 of the same shape
 * @param table  from `normalizationTable`
 */
export function writeImage(
  pixels: Uint8Array,
  shape: readonly [number, number, number],
  { down, right, mirrored }: Placement,
  table: Float32Array,
  out: Float32Array,
): void {
  const [channels, height, width] = shape;
  for (let channel = 0; channel < channels; channel++) {
    const values = table.subarray(256 * channel, 256 * channel + 256);
    for (let y = 0; y < height; y++) {
      const row = (channel * height + y) * width;
      const sourceY = y + down;
      if (sourceY < 0 || sourceY >= height) {
        out.fill(values[0], row, row + width);
        continue;
      }
      const source = (channel * height + sourceY) * width;
      for (let x = 0; x < width; x++) {
        const sourceX = (mirrored ? width - 1 - x : x) + right;
        out[row + x] = values[sourceX >= 0 && sourceX < width ? pixels[source + sourceX] : 0];
      }
    }
  }
}
