import { type Batch, permutation, randomStream } from '@znorm/train';

/** Rows of numbers by name: each array holds `count` rows one after another. */
export interface Rows {
  readonly count: number;
  readonly columns: Readonly<Record<string, Int32Array>>;
}

/** Batches among which rows change places until each batch has rows of like length. */
const pool = 20;

/**
 * Rows in a new order each epoch, in batches of rows of like length, as a function of the step number; those left over
 * in an epoch are dropped.
 *
 * The batch of a step is the same for every method and follows from seed and step alone. Rows are put in a random
 * order, sorted by length among 20 batches at a time, and the batches are put in a random order again.
 *
 * @param options.padded    columns whose lengths count: of a row, the longest
 * @param options.padding   what fills them up
 */
export function rowsOfLikeLength(
  { count, columns }: Rows,
  {
    batchSize,
    seed,
    padded,
    padding,
  }: {
    readonly batchSize: number;
    readonly seed: number;
    readonly padded: readonly string[];
    readonly padding: number;
  },
): (step: number) => Batch {
  const perEpoch = Math.floor(count / batchSize);
  const lengthOf = (column: Int32Array, row: number) => {
    const size = column.length / count;
    return column.subarray(row * size, (row + 1) * size).findLastIndex((number) => number !== padding) + 1;
  };
  const lengths = Int32Array.from({ length: count }, (_, row) =>
    Math.max(...padded.map((name) => lengthOf(columns[name], row))),
  );
  let known = -1;
  let rows: Uint32Array = new Uint32Array();
  let batches: Uint32Array = new Uint32Array();
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== known) {
      rows = permutation(randomStream(seed, 'shuffle', epoch), count).subarray(0, perEpoch * batchSize);
      for (let start = 0; start < rows.length; start += pool * batchSize)
        rows.subarray(start, start + pool * batchSize).sort((a, b) => lengths[a] - lengths[b]);
      batches = permutation(randomStream(seed, 'batches', epoch), perEpoch);
      known = epoch;
    }
    const first = batches[step % perEpoch] * batchSize;
    return pickRows({ count, columns }, rows.subarray(first, first + batchSize));
  };
}

/** Those rows, in that order. */
export function pickRows({ count, columns }: Rows, rows: ArrayLike<number>): Record<string, Int32Array> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, data]) => {
      const size = data.length / count;
      const picked = new Int32Array(rows.length * size);
      for (let i = 0; i < rows.length; i++)
        picked.set(data.subarray(rows[i] * size, (rows[i] + 1) * size), i * size);
      return [name, picked];
    }),
  );
}

/** All rows in their order, `batchSize` at a time, with word of how far they are. */
export function* rowsInOrder(
  { count, columns }: Rows,
  batchSize: number,
  onShare: (share: number) => void = () => {},
): Generator<Record<string, Int32Array>> {
  for (let start = 0; start < count; start += batchSize) {
    const end = Math.min(start + batchSize, count);
    yield Object.fromEntries(
      Object.entries(columns).map(([name, data]) => {
        const size = data.length / count;
        return [name, data.subarray(start * size, end * size)];
      }),
    );
    onShare(end / count);
  }
}
