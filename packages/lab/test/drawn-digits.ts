import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mnist } from '../src/datasets/mnist.ts';

const [height, width] = [28, 28];
const pixels = height * width;

export interface DrawnDigits {
  /** A temporary folder that may hold other things of the test too. */
  readonly root: string;
  /** In it, the cache. */
  readonly cache: string;
  readonly remove: () => void;
}

/**
 * A cache whose `mnist` holds drawn images instead of the real ones, so that runs can train, in processes of their own
 * too, without a download. The four files have the official names, sizes and layout, and `verified.json` says they
 * were checked: what anyone who can write to a cache could do. Ten patches under noise, learnt in a few steps.
 */
export function drawnDigits(): DrawnDigits {
  const root = mkdtempSync(join(tmpdir(), 'znorm-digits-'));
  const cache = join(root, 'cache');
  const folder = join(cache, 'mnist');
  mkdirSync(folder, { recursive: true });
  const noise = bytes(1, 1 << 16);
  const patterns = Array.from({ length: 10 }, (_, digit) => patch(digit));
  for (const [split, count] of [
    ['train', mnist.counts.train],
    ['t10k', mnist.counts.test],
  ] as const) {
    const labels = bytes(split.length, count).map((byte) => byte % 10);
    const images = new Uint8Array(count * pixels);
    for (let n = 0; n < count; n++) {
      const start = (n * 7919) % (noise.length - pixels);
      const pattern = patterns[labels[n]];
      for (let i = 0; i < pixels; i++) images[n * pixels + i] = (noise[start + i] + pattern[i]) >> 1;
    }
    writeFileSync(join(folder, `${split}-images-idx3-ubyte`), idx([count, height, width], images));
    writeFileSync(join(folder, `${split}-labels-idx1-ubyte`), idx([count], labels));
  }
  const marker = mnist.files.map(({ name, sha1 }) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return [name, { sha1, bytes: size, mtimeMs }];
  });
  writeFileSync(join(folder, 'verified.json'), JSON.stringify(Object.fromEntries(marker)));
  return { root, cache, remove: () => rmSync(root, { recursive: true }) };
}

/** A bright square, in another place for each digit, that shifts by the crops of training do not move away. */
function patch(digit: number): Uint8Array {
  const [top, left] = [3 + 8 * Math.floor(digit / 4), 7 * (digit % 4)];
  return Uint8Array.from({ length: pixels }, (_, i) => {
    const [y, x] = [Math.floor(i / width) - top, (i % width) - left];
    return y >= 0 && y < 6 && x >= 0 && x < 6 ? 255 : 0;
  });
}

/** An IDX file of unsigned bytes. */
function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, data]);
}

function bytes(seed: number, count: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
