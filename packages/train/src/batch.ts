/** What one step is fed: by name, the samples of each tensor one after another. */
export type Batch = Readonly<Record<string, Float32Array | Int32Array>>;

/** A tensor of one sample. */
export interface InputSpec {
  /** Batch axis left out: `[3, 32, 32]` for an image, `[]` for a label. */
  readonly shape: readonly number[];
  /** `int32` is what the caller gives; operators of the graph get the int64 that ONNX wants for indices. @default 'float32' */
  readonly dtype?: 'float32' | 'int32';
  /** Of int32: every number must be smaller, such as a label than the number of classes. @default no limit */
  readonly below?: number;
  /** Of int32 with `below`: the smallest number allowed; −1 lets a padding mark through. @default 0 */
  readonly from?: number;
  /**
   * Of int32 [length]: what fills up short samples. `step` and `evaluate` leave out padding that all samples of a
   * batch have, in eighths of the length, so the graph may be built with shorter tensors, and the loss must not depend
   * on padding. Batches of samples of like length then take less time. @default none
   */
  readonly padding?: number;
}

export type InputSpecs = Readonly<Record<string, InputSpec>>;

/**
 * Checks a batch against what is to be fed, and counts its samples.
 *
 * @param names the inputs that are needed; others of `specs` may be there too
 * @throws TypeError for an input of another name or element type, RangeError for one that does not fit
 */
export function countSamples(
  where: string,
  batch: Batch,
  specs: InputSpecs,
  names: readonly string[] = Object.keys(specs),
): number {
  const known = Object.keys(specs).join(', ');
  for (const name in batch) {
    if (!(name in specs)) throw new TypeError(`${where}: unknown input \`${name}\`. Known inputs: ${known}.`);
  }
  let count: number | undefined;
  for (const name of names) {
    const { shape, dtype = 'float32' } = specs[name];
    const data = batch[name];
    const wanted = dtype === 'int32' ? Int32Array : Float32Array;
    if (!(data instanceof wanted)) {
      const got = (data as object | undefined)?.constructor.name ?? 'none';
      throw new TypeError(`${where}: expected \`${name}\` as ${wanted.name}, got ${got}.`);
    }
    const size = sampleSize(specs[name]);
    if (count === undefined && data.length % size !== 0) {
      throw new RangeError(
        `${where}: expected \`${name}\` to hold whole samples of shape [${shape}], ${size} numbers each, got ${data.length} numbers.`,
      );
    }
    count ??= data.length / size;
    if (data.length !== count * size) {
      throw new RangeError(
        `${where}: expected ${count * size} numbers in \`${name}\` for ${count} samples of shape [${shape}], got ${data.length}.`,
      );
    }
    requireInRange(where, name, data, specs[name], size);
  }
  return count ?? 0;
}

/** An index outside of its table: ONNX Runtime would stop without naming the tensor, or read another's number. */
function requireInRange(
  where: string,
  name: string,
  data: Float32Array | Int32Array,
  { below, from = 0 }: InputSpec,
  size: number,
): void {
  if (below === undefined) return;
  for (let i = 0; i < data.length; i++) {
    if (data[i] >= from && data[i] < below) continue;
    throw new RangeError(
      `${where}: expected ${name} from ${from} to ${below - 1}, got ${data[i]} at sample ${Math.floor(i / size)}.`,
    );
  }
}

/** A batch cut into pieces of at most `size` samples. The pieces are views. */
export function* pieces(batch: Batch, count: number, size: number): Generator<[Batch, number]> {
  for (let start = 0; start < count; start += size) {
    const end = Math.min(start + size, count);
    const piece: Record<string, Float32Array | Int32Array> = {};
    for (const [name, data] of Object.entries(batch)) {
      const each = data.length / count;
      piece[name] = data.subarray(start * each, end * each);
    }
    yield [piece, end - start];
  }
}

function sampleSize({ shape }: InputSpec): number {
  return shape.reduce((product, axis) => product * axis, 1);
}
