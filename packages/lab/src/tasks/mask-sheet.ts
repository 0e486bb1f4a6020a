import { encode } from 'fast-png';

/** A square slice and what is to be seen in it. */
export interface MaskedSlice {
  /** Standardized, so that 0 is the mean and 1 a deviation from it. */
  readonly image: ArrayLike<number>;
  /** What was predicted, and what is there; every number but 0 is inside. */
  readonly found: ArrayLike<number>;
  readonly truth: ArrayLike<number>;
}

/** Pixels a side of a slice on the sheet. */
const tile = 128;
const columns = 4;

/** Apart for eyes that do not tell red from green, too. */
const colours = { truth: [86, 180, 233], found: [230, 159, 0], both: [204, 0, 204] } as const;

/**
 * Slices side by side, four in a row, with the borders of their masks: blue what is there, orange what was predicted,
 * purple where both borders meet.
 *
 * @param size pixels a side of a slice, a divisor or a multiple of 128
 * @returns a PNG file in base64
 */
export function maskSheet(slices: readonly MaskedSlice[], size: number): string {
  const rows = Math.ceil(slices.length / columns);
  const width = tile * Math.min(columns, slices.length);
  const data = new Uint8Array(width * rows * tile * 3);
  slices.forEach(({ image, found, truth }, index) => {
    const [left, top] = [(index % columns) * tile, Math.floor(index / columns) * tile];
    for (let y = 0; y < tile; y++)
      for (let x = 0; x < tile; x++) {
        const at = Math.floor((y * size) / tile) * size + Math.floor((x * size) / tile);
        const [isTruth, isFound] = [isBorder(truth, size, x, y), isBorder(found, size, x, y)];
        // From 1½ deviations below the mean, black, to 3 above, white.
        const grey = Math.min(Math.max(((image[at] + 1.5) / 4.5) * 255, 0), 255);
        const colour =
          isTruth && isFound
            ? colours.both
            : isTruth
              ? colours.truth
              : isFound
                ? colours.found
                : [grey, grey, grey];
        data.set(colour, 3 * ((top + y) * width + left + x));
      }
  });
  return Buffer.from(encode({ width, height: rows * tile, channels: 3, data })).toString('base64');
}

/** Whether a pixel of the sheet is inside of a mask, and one beside it is not: lines one pixel wide at any size. */
function isBorder(mask: ArrayLike<number>, size: number, x: number, y: number): boolean {
  const inside = (u: number, v: number) => {
    if (u < 0 || u >= tile || v < 0 || v >= tile) return false;
    return mask[Math.floor((v * size) / tile) * size + Math.floor((u * size) / tile)] !== 0;
  };
  const enclosed = inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1);
  return inside(x, y) && !enclosed;
}
