/** Batches of short samples as short tensors: padding that all samples of a batch have is cut off. */
import type { Batch, InputSpec, InputSpecs } from './batch.ts';
import type { Objective } from './objective.ts';

/** Lengths that graphs are built for, at most. */
const lengths = 8;

/**
 * How many numbers at the end of every padded input may be left out of a batch: a multiple of an eighth of the
 * shortest such input, so that there are few lengths to build graphs for. The same for all inputs, as lengths that
 * belong together do, such as those of a sentence and its labels.
 *
 * @returns 0 for a batch of objectives without padded inputs
 */
export function paddingToCut(batch: Batch, inputs: InputSpecs): number {
  const padded = Object.entries(inputs).filter(([, spec]) => spec.padding !== undefined);
  if (padded.length === 0) return 0;
  const shortest = Math.min(...padded.map(([, { shape }]) => shape[0]));
  const unit = Math.ceil(shortest / lengths);
  const spare = Math.min(
    shortest - unit,
    ...padded.map(([name, spec]) => sharedPadding(batch[name] as Int32Array, spec)),
  );
  return Math.max(0, Math.floor(spare / unit) * unit);
}

/** The batch without the last `cut` numbers of every padded input. */
export function cutPadding(batch: Batch, inputs: InputSpecs, cut: number): Batch {
  if (cut === 0) return batch;
  return Object.fromEntries(
    Object.entries(batch).map(([name, data]) => {
      if (inputs[name].padding === undefined) return [name, data];
      const [length] = inputs[name].shape;
      const kept = new Int32Array((data.length / length) * (length - cut));
      for (let from = 0, to = 0; from < data.length; from += length, to += length - cut)
        kept.set((data as Int32Array).subarray(from, from + length - cut), to);
      return [name, kept];
    }),
  );
}

/** The objective on such batches. */
export function withoutPadding(objective: Objective, cut: number): Objective {
  if (cut === 0) return objective;
  const inputs = Object.entries(objective.inputs).map(([name, spec]): [string, InputSpec] => [
    name,
    spec.padding === undefined ? spec : { ...spec, shape: [spec.shape[0] - cut] },
  ]);
  return { ...objective, inputs: Object.fromEntries(inputs) };
}

/** @throws RangeError naming an input that cannot have padding */
export function requirePaddable(inputs: InputSpecs): void {
  for (const [name, { shape, dtype, padding }] of Object.entries(inputs)) {
    if (padding === undefined || (shape.length === 1 && dtype === 'int32')) continue;
    throw new RangeError(
      `createTrainer: expected int32 [length] for the padded input \`${name}\`, got ${dtype ?? 'float32'} [${shape}].`,
    );
  }
}

/** Numbers at the end of all samples that are padding. */
function sharedPadding(data: Int32Array, { shape: [length], padding }: InputSpec): number {
  let shared = length;
  for (let end = length; end <= data.length; end += length) {
    let own = 0;
    while (own < shared && data[end - 1 - own] === padding) own++;
    shared = own;
  }
  return shared;
}
