import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { DType, Graph, TensorData } from '../onnx/graph.ts';
import { toModelBytes } from '../onnx/model.ts';
import { runInPieces } from './batch-pieces.ts';
import { blockConvolutions } from './blocked-convolution.ts';
import { lowerKernelGradients, markKernelGradients } from './blocked-kernel-gradient.ts';
import type { Engine } from './engine.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';
import { padGroups } from './padded-groups.ts';
import { divideProductsByRows } from './row-divided-products.ts';

/** A tensor as its owner holds it: the data may be a view of a larger memory, and is read and written in place. */
export interface TensorView {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** Tensors by their name in the graph. */
export type Views = Readonly<Record<string, TensorView>>;

/** Kept outputs by their name in the graph. */
export type Kept = Readonly<Record<string, KeptTensor>>;

export interface SessionOptions {
  readonly engine: Engine;
  /**
   * Threads inside an operator. Results are the same bits for any number, but for convolutions of a single image
   * in WebAssembly. There the first session of the process decides; browsers need cross-origin isolation for more
   * than one.
   * @default 1
   */
  readonly threads?: number;
  /** Path that the file begins with to which `release()` writes the time of every node in every run. Native only. */
  readonly profile?: string | undefined;
  /** Outputs that every run hands back where they were computed, on the device if there is one. @default none */
  readonly kept?: readonly string[];
}

/** A tensor where the runtime computed it. It can be fed to any session of the same engine until it is freed. */
export interface KeptTensor {
  readonly shape: readonly number[];
  readonly held: Tensor;
}

/** Frees a kept tensor's memory. */
export function free({ held }: KeptTensor): void {
  held.dispose();
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph once.
   * @param feeds   every input by name
   * @param fetches the outputs wanted, by name: preallocated, written in place
   * @returns the outputs that are kept; the caller's to free
   * @throws RangeError for a name, a shape or an element type that the model does not have
   */
  run(feeds: Readonly<Record<string, TensorView | KeptTensor>>, fetches: Views): Promise<Kept>;
  /** Frees the model's memory; the session must not be run again. */
  release(): Promise<void>;
}

/**
 * Loads a model for running: a graph, which is first rewritten for the kernels of this machine, or the bytes
 * of any ONNX model as they are.
 * @example
 * const session = await createSession(graph, { engine: await resolveEngine('auto'), threads: 2 });
 * await session.run({ x: { data: images, shape: [64, 3, 32, 32] } }, { loss: { data: loss, shape: [] } });
 */
export async function createSession(
  graphOrModel: Graph | Uint8Array,
  { engine, threads = 1, profile, kept = [] }: SessionOptions,
): Promise<Session> {
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`createSession: expected \`threads\` to be an integer >= 1, got ${threads}.`);
  if (profile !== undefined && engine !== 'native')
    throw new RangeError(`createSession: expected the engine native for \`profile\`, got ${engine}.`);
  const runtime = await loadRuntime(engine);
  const modelBytes =
    graphOrModel instanceof Uint8Array ? graphOrModel : toModelBytes(lower(graphOrModel, runtime));
  const model = await runtime.create(modelBytes, { threads, profile, kept });
  const inputs = metadata(model.inputMetadata);
  const outputs = metadata(model.outputMetadata);
  // Tensor objects are made once per view: a step feeds the same hundred views every time.
  const tensors = new WeakMap<TensorView, Tensor>();
  const tensorOf = (view: TensorView, dtype: DType): Tensor => {
    const known = tensors.get(view);
    if (known) return known;
    const tensor = new runtime.Tensor(dtype, view.data, view.shape);
    tensors.set(view, tensor);
    return tensor;
  };

  /** ONNX Runtime's tensors for views that fit the model. */
  const bind = (
    kind: 'input' | 'output',
    views: Readonly<Record<string, TensorView | KeptTensor>>,
  ): Record<string, Tensor> => {
    const specs = kind === 'input' ? inputs : outputs;
    return Object.fromEntries(
      Object.entries(views).map(([name, view]) => [
        name,
        'held' in view ? view.held : tensorOf(view, check(kind, name, view, specs)),
      ]),
    );
  };
  const keptOf = (results: InferenceSession.OnnxValueMapType): Kept =>
    Object.fromEntries(
      kept.map((name) => [name, { shape: outputs.get(name)!.shape, held: results[name] as Tensor }]),
    );

  return {
    inputNames: model.inputNames,
    outputNames: model.outputNames,
    async run(feeds, fetches) {
      for (const name of inputs.keys())
        if (!(name in feeds))
          throw new RangeError(`Session.run: expected a feed for input \`${name}\`, got none.`);
      const fed = bind('input', feeds);
      const bound = bind('output', fetches);
      if (runtime.writesInPlace) {
        const allocated = Object.fromEntries(kept.map((name) => [name, null]));
        return keptOf(await model.run(fed, { ...bound, ...allocated }));
      }
      const results = await model.run(fed, [...Object.keys(fetches), ...kept]);
      for (const [name, { data }] of Object.entries(fetches)) {
        (data as Float32Array).set(results[name].data as Float32Array);
        results[name].dispose();
      }
      return keptOf(results);
    },
    async release() {
      if (profile !== undefined) model.endProfiling();
      await model.release();
    },
  };
}

function lower(graph: Graph, { onDevice, channelBlock: block }: OnnxRuntime): Graph {
  if (onDevice) return padGroups(graph);
  if (block === undefined) return divideProductsByRows(graph);
  const blocked = blockConvolutions(divideProductsByRows(markKernelGradients(graph, block)), block);
  return lowerKernelGradients(runInPieces(blocked, block), block);
}

async function loadRuntime(engine: Engine): Promise<OnnxRuntime> {
  if (engine === 'native') return (await import('./node.ts')).loadNative();
  if (engine === 'webgpu') return (await import('./webgpu.ts')).loadWebGpu();
  return (await import('./web.ts')).loadWasm();
}

interface Spec {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

function metadata(values: readonly InferenceSession.ValueMetadata[]): Map<string, Spec> {
  return new Map(
    values.map((value) => {
      if (!value.isTensor)
        throw new TypeError(`createSession: expected tensors only, got \`${value.name}\`.`);
      return [value.name, { dtype: value.type as DType, shape: value.shape as readonly number[] }];
    }),
  );
}

const arrayTypes = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The element type the model has for a view, once the view is found to fit. */
function check(kind: 'input' | 'output', name: string, view: TensorView, specs: Map<string, Spec>): DType {
  const spec = specs.get(name);
  if (!spec)
    throw new RangeError(
      `Session.run: expected the name of an ${kind}, got \`${name}\`. The model has ${[...specs.keys()].join(', ')}.`,
    );
  const { dtype, shape } = spec;
  const count = shape.reduce((product, size) => product * size, 1);
  if (
    !(view.data instanceof arrayTypes[dtype]) ||
    view.data.length !== count ||
    `${view.shape}` !== `${shape}`
  )
    throw new RangeError(
      `Session.run: expected ${arrayTypes[dtype].name} of shape [${shape}] for ${kind} \`${name}\`, got ${view.data.constructor.name} of ${view.data.length} elements with shape [${view.shape}].`,
    );
  return dtype;
}
