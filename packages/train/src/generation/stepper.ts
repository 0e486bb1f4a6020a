import { add, cast, equal, lessOrEqual, mul } from '../autodiff/arithmetic.ts';
import { reshape } from '../autodiff/shape.ts';
import type { Steps } from '../layers/attention.ts';
import { createScope, type Scope } from '../layers/scope.ts';
import { constant, createGraph, elementCount, input, output, type Value } from '../onnx/graph.ts';
import { reachable } from '../onnx/reachable.ts';
import { type Engine, resolveEngine } from '../runtime/engine.ts';
import { createSession, type TensorView } from '../runtime/session.ts';

/** Learnt tensors by name, as `trainer.parameters` lists them. */
export type LearntParameters = Iterable<{ readonly path: string; readonly data: Float32Array }>;

export interface StepperOptions {
  /** From tokens [N, 1] to logits [N, 1, V]; a `LanguageModel` is one. */
  readonly model: (
    tokens: Value,
    scope: Scope,
    steps: Steps,
    fixed: Readonly<Record<string, Value>>,
  ) => Value;
  /** Positions: how many tokens a sequence may have. */
  readonly context: number;
  /** Sequences at a time: N. */
  readonly sequences: number;
  readonly parameters: LearntParameters;
  /** What stays the same during a sequence, such as a memory: shapes with the N sequences first. @default none */
  readonly fixed?: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype?: 'int32' }>>;
  /** @default 'auto' */
  readonly engine?: 'auto' | Engine;
  /** @default 1 */
  readonly threads?: number;
}

/** Runs a model token by token: each step costs one position, because keys and values of earlier ones are kept. */
export interface Stepper {
  /** Tokens taken in so far. */
  readonly position: number;
  /** Forgets everything; `fixed` gives what stays the same from here on. */
  start(fixed?: Readonly<Record<string, Float32Array | Int32Array>>): void;
  /**
   * Takes in one token of each sequence.
   * @returns logits [N, V] for the next one; the next step overwrites them
   * @throws RangeError when the context is full
   */
  step(tokens: ArrayLike<number>): Promise<Float32Array>;
  /** Makes sequence i go on from what was sequence `rows[i]`. */
  reorder(rows: readonly number[]): void;
  release(): Promise<void>;
}

/**
 * Loads a model for generation with a cache of keys and values.
 *
 * Logits equal those of the whole sequence at once to within rounding: sums are of the same terms in another order.
 *
 * @example
 * const stepper = await createStepper({ model: transformer(options), context: 128, sequences: 1, parameters: trainer.parameters });
 * stepper.start();
 * const logits = await stepper.step([token]);
 */
export async function createStepper(options: StepperOptions): Promise<Stepper> {
  const { model, context, sequences, parameters, fixed = {}, threads = 1 } = options;
  const engine = await resolveEngine(options.engine ?? 'auto');
  const graph = createGraph();
  const { scope, declared } = createScope(graph, { training: false });
  const tokens = input(graph, 'tokens', [sequences, 1], 'int64');
  const position = input(graph, 'position', [1], 'int64');
  const given = Object.entries(fixed).map(([name, { shape, dtype }]): [string, Value] => [
    name,
    input(graph, name, [sequences, ...shape], dtype === 'int32' ? 'int64' : 'float32'),
  ]);

  const places = constant(
    graph,
    BigInt64Array.from({ length: context }, (_, i) => BigInt(i)),
  );
  const here = reshape(cast(equal(places, position), 'float32'), [1, context, 1]);
  const mask = reshape(lessOrEqual(places, position), [1, 1, 1, context]);
  const caches: { past: string; next: string; shape: readonly number[] }[] = [];
  /** A cache is zero where nothing has been written: adding is writing. */
  const remember = (name: string, value: Value): Value => {
    const shape = [sequences, context, value.shape[2]];
    const names = { past: `past ${name}`, next: `next ${name}` };
    const all = add(input(graph, names.past, shape), mul(here, value));
    output(all, names.next);
    caches.push({ ...names, shape });
    return all;
  };
  const recall: Steps['recall'] = (path, key, value) => ({
    keys: remember(`keys of ${path}`, key),
    values: remember(`values of ${path}`, value),
    mask,
  });
  const logits = model(
    tokens,
    scope,
    { positions: position, limit: context, recall },
    Object.fromEntries(given),
  );
  const [, , vocabulary] = logits.shape;
  output(logits, 'logits');

  const session = await createSession(reachable(graph), { engine, threads });
  const tensor = (shape: readonly number[]): TensorView => ({
    shape,
    data: new Float32Array(elementCount(shape)),
  });
  const learnt = new Map([...parameters].map(({ path, data }) => [path, data]));
  const feeds: Record<string, TensorView> = {
    tokens: { shape: [sequences, 1], data: new BigInt64Array(sequences) },
    position: { shape: [1], data: new BigInt64Array(1) },
  };
  for (const { name, shape, dtype } of graph.inputs) {
    if (name in feeds) continue;
    const data = declared.parameters.has(name) ? parameterOf(learnt, name, shape) : undefined;
    feeds[name] = data
      ? { shape, data }
      : dtype === 'int64'
        ? { shape, data: new BigInt64Array(elementCount(shape)) }
        : tensor(shape);
  }
  const fetches: Record<string, TensorView> = { logits: tensor([sequences, 1, vocabulary]) };
  for (const { next, shape } of caches) fetches[next] = tensor(shape);
  const read = fetches.logits.data as Float32Array;
  const wanted = (views: Record<string, TensorView>) =>
    Object.fromEntries(session.inputNames.map((name) => [name, views[name]]));

  let taken = 0;
  return {
    get position() {
      return taken;
    },
    start(values = {}) {
      taken = 0;
      for (const { past } of caches) feeds[past].data.fill(0 as never);
      for (const [name, data] of Object.entries(values)) {
        const view = feeds[name];
        if (view.data instanceof BigInt64Array) view.data.set(BigInt64Array.from(data, BigInt));
        else (view.data as Float32Array).set(data);
      }
    },
    async step(next) {
      if (taken >= context)
        throw new RangeError(
          `step: expected at most ${context} tokens a sequence, got another one. Raise \`context\`, or call start().`,
        );
      (feeds.tokens.data as BigInt64Array).set(BigInt64Array.from(next, BigInt));
      feeds.position.data[0] = BigInt(taken);
      await session.run(wanted(feeds), fetches);
      // What was written is read next time, and the other way round.
      for (const { past, next: name } of caches) [feeds[past], fetches[name]] = [fetches[name], feeds[past]];
      taken++;
      return read;
    },
    reorder(rows) {
      for (const { past, shape } of caches) {
        const data = feeds[past].data as Float32Array;
        const size = elementCount(shape) / sequences;
        const before = data.slice();
        for (const [row, from] of rows.entries())
          data.set(before.subarray(from * size, (from + 1) * size), row * size);
      }
    },
    release: () => session.release(),
  };
}

function parameterOf(
  learnt: Map<string, Float32Array>,
  name: string,
  shape: readonly number[],
): Float32Array {
  const data = learnt.get(name);
  if (data?.length === elementCount(shape)) return data;
  throw new RangeError(
    `createStepper: expected parameter '${name}' of shape [${shape}], got ${data ? `${data.length} numbers` : 'none'}. Give the parameters of this model.`,
  );
}
