import { describe, expect, test } from 'vitest';
import { fillUniform, randomStream } from '../src/random.ts';
import { drawWarp, type SpatialAugmentation, warp } from '../src/spatial-augmentation.ts';

const shape = [2, 6, 6] as const;
const image = new Float32Array(72);
fillUniform(randomStream(0, 'image'), image);
const mask = Float32Array.from({ length: 36 }, (_, i) => Number(i % 6 > 2 && i > 11));

function warped(augmentation: SpatialAugmentation, seed = 0) {
  const out = { image: new Float32Array(72), mask: new Float32Array(36) };
  warp({ image, mask }, shape, drawWarp(randomStream(seed, 'augment'), 2, augmentation), out);
  return out;
}

/** The 8 ways to put a square on itself. */
function symmetries(square: readonly number[]): number[][] {
  const turned = (of: readonly number[]) => of.map((_, i) => of[(5 - (i % 6)) * 6 + Math.floor(i / 6)]);
  const mirrored = square.map((_, i) => square[6 * Math.floor(i / 6) + 5 - (i % 6)]);
  return [square, mirrored].flatMap((first) => {
    const turns = [[...first]];
    while (turns.length < 4) turns.push(turned(turns.at(-1)!));
    return turns;
  });
}

describe('moving images with their masks', () => {
  test('nothing switched on leaves them as they are', () => {
    expect(warped({})).toEqual({ image, mask });
  });

  test('mirrors and right angles move pixels onto pixels, all eight ways, image and mask alike', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const out = warped({ mirror: true, quarterTurns: true }, seed);
      const way = symmetries([...image.subarray(0, 36)]).findIndex((square) =>
        square.every((value, i) => value === out.image[i]),
      );
      expect(way).toBeGreaterThanOrEqual(0);
      expect([...out.mask]).toEqual(symmetries([...mask])[way]);
      expect([...out.image.subarray(36)]).toEqual(symmetries([...image.subarray(36)])[way]);
      seen.add(way);
    }
    expect(seen.size).toBe(8);
  });

  test('a ramp rotated and zoomed is the ramp at the moved places', () => {
    // Bilinear interpolation of a plane is exact; only the border is held.
    const side = 33;
    const ramp = Float32Array.from({ length: side * side }, (_, i) => (i % side) - 2 * Math.floor(i / side));
    const drawn = drawWarp(randomStream(3, 'augment'), 1, { rotate: 20, zoom: 0.2 });
    const [a, b, c, d] = drawn.matrix;
    const angle = Math.atan2(c, a);
    expect(a / Math.hypot(a, c)).toBeCloseTo(Math.cos(angle), 14);
    expect(Math.abs(angle)).toBeLessThan((20 * Math.PI) / 180);
    // A rotation times a scale: columns at right angles and of one length.
    expect(a * b + c * d).toBeCloseTo(0, 12);
    expect(Math.hypot(a, c)).toBeCloseTo(Math.hypot(b, d), 12);
    expect(Math.abs(Math.hypot(a, c) - 1)).toBeLessThan(0.2);
    const out = { image: new Float32Array(side * side) };
    warp({ image: ramp }, [1, side, side], drawn, out);
    for (const [x, y] of [
      [16, 16],
      [20, 12],
      [9, 22],
    ]) {
      const [sourceX, sourceY] = [a * (x - 16) + b * (y - 16) + 16, c * (x - 16) + d * (y - 16) + 16];
      expect(out.image[y * side + x]).toBeCloseTo(sourceX - 2 * sourceY, 4);
    }
  });

  test('bending moves pixels by about the strength asked for, smoothly', () => {
    const side = 65;
    const columns = Float32Array.from({ length: side * side }, (_, i) => i % side);
    const out = { image: new Float32Array(side * side) };
    const moves: number[] = [];
    for (let seed = 0; seed < 20; seed++) {
      warp(
        { image: columns },
        [1, side, side],
        drawWarp(randomStream(seed, 'augment'), 1, { elastic: 4 }),
        out,
      );
      const row = [...out.image.subarray(32 * side, 33 * side)].map((value, x) => value - x);
      moves.push(row[32]);
      // Neighbours part by less than a fifth of a pixel: no tears.
      for (let x = 20; x < 45; x++) expect(Math.abs(row[x + 1] - row[x])).toBeLessThan(0.2);
    }
    const spread = Math.sqrt(moves.reduce((sum, move) => sum + move ** 2, 0) / moves.length);
    // The spline averages its control points: the middle's weights have squares that add to 0.23.
    expect(spread).toBeGreaterThan(4 * 0.23);
    expect(spread).toBeLessThan(4);
  });

  test('intensity changes each channel by its own line and no mask', () => {
    const out = warped({ intensity: 0.3 }, 5);
    expect(out.mask).toEqual(mask);
    for (const plane of [0, 1]) {
      const [x0, x1] = [image[36 * plane], image[36 * plane + 1]];
      const [y0, y1] = [out.image[36 * plane], out.image[36 * plane + 1]];
      const gain = (y1 - y0) / (x1 - x0);
      expect(Math.abs(gain - 1)).toBeLessThan(0.301);
      for (let i = 0; i < 36; i++)
        expect(out.image[36 * plane + i]).toBeCloseTo(y0 + gain * (image[36 * plane + i] - x0), 5);
    }
  });

  test('depends on the stream alone; switching one part on leaves the others as drawn', () => {
    const all = { mirror: true, rotate: 10, zoom: 0.1, elastic: 2, intensity: 0.1 };
    expect(warped(all, 7)).toEqual(warped(all, 7));
    expect(warped(all, 7)).not.toEqual(warped(all, 8));
    const drawn = (augmentation: SpatialAugmentation) =>
      drawWarp(randomStream(7, 'augment'), 2, augmentation);
    expect(drawn({ intensity: 0.1 }).gains).toEqual(drawn(all).gains);
    expect(drawn({ ...all, elastic: 0 }).matrix).toEqual(drawn(all).matrix);
  });

  test('sizes that do not fit are named', () => {
    const out = { image: new Float32Array(72), mask: new Float32Array(35) };
    expect(() => warp({ image, mask }, shape, drawWarp(randomStream(0, 'augment'), 2, {}), out)).toThrow(
      new RangeError('warp: expected an image of 72 numbers and a mask of 36, got 72 and 35.'),
    );
  });
});
