import { type Batch, permutation, randomStream } from '@znorm/train';

/** Rows of numbers by name: each array holds `count` rows one after another. */
export interface Rows {
  readonly count: number;
  readonly columns: Readonly<Record<string, Int32Array>>;
}

/**
 * Rows in a new order each epoch, as a function of the step number; those left over in an epoch are dropped.
 *
 * The batch of a step is the same for every method and follows from seed and step alone.
 */
export function shuffledRows(
  { count, columns }: Rows,
  { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
): (step: number) => Batch {
  const perEpoch = Math.floor(count / batchSize);
  let known = -1;
  let order: Uint32Array = new Uint32Array();
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== known) order = permutation(randomStream(seed, 'shuffle', epoch), count);
    known = epoch;
    const first = (step % perEpoch) * batchSize;
    return pickRows({ count, columns }, order.subarray(first, first + batchSize));
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
