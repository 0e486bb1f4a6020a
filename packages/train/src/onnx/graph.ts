/**
 * A computation as a list of ONNX nodes, built front to back. Everything is a plain record; shapes are
 * static, so a graph belongs to one batch size and every mistake is found while building, by name.
 */

export type DType = 'float32' | 'int64' | 'int32' | 'uint8' | 'bool';

export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor that will exist when the graph runs. Values compare by identity. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** ONNX knows integers and floats apart, JavaScript does not: a bare number is an integer. */
export type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly body: Body };

/** The nodes that an operator such as Scan runs again and again; they also see the values around the operator. */
export interface Body {
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly Value[];
}

export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly opType: string;
  /** Empty for the ONNX standard, otherwise e.g. `com.microsoft`. */
  readonly domain: string;
  /** An absent optional input is `undefined`. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** Receives the gradients of an operator's outputs, returns the gradient of one of its inputs. */
export type Vjp = (...outputGradients: Value[]) => Value;

/** What reverse-mode differentiation must know of an operator; it may span several nodes. */
export interface TapeEntry {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** One an input; `undefined` where the operator is not differentiable. */
  readonly vjps: readonly (Vjp | undefined)[];
}

/** Whose part of the step a value is computed for. */
export interface Origin {
  /** Path of the layer's scope. */
  readonly layer: string;
  readonly phase: 'forward' | 'backward';
}

/**
 * ∂loss/∂kernel of a convolution without groups, given its input x [N, C, H, W] and g = ∂loss/∂output [N, O, r, c]:
 *
 *     ∂kernel[o, i, u, v] = Σ_{n, r, c} g[n, o, r, c] · x[n, i, r·s + u·d − p, c·s + v·d − p]
 */
export interface KernelGradient {
  readonly x: Value;
  readonly g: Value;
  readonly strides: readonly number[];
  /** [top, left, bottom, right] */
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

export interface Graph {
  readonly nodes: Node[];
  readonly inputs: Value[];
  readonly outputs: Map<string, Value>;
  readonly initializers: Map<Value, TensorData>;
  /** Differentiable operators in the order they were called, by their first output. */
  readonly tape: Map<Value, TapeEntry>;
  /** Values that `gradients` emitted: they have no tape entries, so they cannot be differentiated again. */
  readonly gradientValues: Set<Value>;
  /** Which values are kernel gradients, however they were emitted: a runtime may know a faster way to them. */
  readonly kernelGradients: Map<Value, KernelGradient>;
  /** True while `gradients` emits the backward pass. */
  sweeping: boolean;
  /** The layer that what is emitted belongs to: the one whose scope was entered last. */
  layer: string;
  /** Of values that operators compute. Those that a rewrite for some runtime adds have none of their own. */
  readonly origins: Map<Value, Origin>;
  readonly names: Set<string>;
  /** Nodes and constants by their content, so that equal ones are emitted once. */
  readonly known: Map<string, readonly Value[]>;
}

export function createGraph(): Graph {
  return {
    nodes: [],
    inputs: [],
    outputs: new Map(),
    initializers: new Map(),
    tape: new Map(),
    gradientValues: new Set(),
    kernelGradients: new Map(),
    sweeping: false,
    layer: '',
    origins: new Map(),
    names: new Set(),
    known: new Map(),
  };
}

/**
 * Declares a tensor that is fed at every run: data, labels, a parameter or a step-dependent scalar.
 * @throws RangeError if the name is taken or the shape is not a list of integers >= 0
 */
export function input(graph: Graph, name: string, shape: readonly number[], dtype: DType = 'float32'): Value {
  if (graph.names.has(name))
    throw new RangeError(`input: expected a name not used in this graph, got \`${name}\` a second time.`);
  const value = declare(graph, name, shape, dtype);
  graph.inputs.push(value);
  return value;
}

/** Makes `value` readable after a run as `name`. Two names may read the same value. */
export function output(value: Value, name: string): void {
  const { graph } = value;
  if (graph.outputs.has(name) || graph.names.has(name))
    throw new RangeError(`output: expected a name not used in this graph, got \`${name}\` a second time.`);
  graph.names.add(name);
  graph.outputs.set(name, value);
}

/** Constants above this size are not compared: the key would cost more than the copy. */
const largestSharedBytes = 16384;

/**
 * A tensor stored in the graph. A number gives a float32 scalar; typed arrays give their own type
 * (`BigInt64Array` int64). Equal small constants share one initializer.
 * @param shape @default [] for a number, [data.length] for an array
 */
export function constant(graph: Graph, data: number | TensorData, shape?: readonly number[]): Value {
  const array = typeof data === 'number' ? Float32Array.of(data) : data;
  const dims = shape ?? (typeof data === 'number' ? [] : [array.length]);
  if (elementCount(dims) !== array.length)
    throw new RangeError(
      `constant: expected ${elementCount(dims)} elements for shape [${dims}], got ${array.length}.`,
    );
  // −0 and 0 are one key as text, and so are all NaNs; bytes tell them apart.
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const key = bytes.length <= largestSharedBytes ? `${array.constructor.name}|${dims}|${bytes}` : undefined;
  const existing = key && graph.known.get(key);
  if (existing) return existing[0];
  const value = newValue(graph, 'constant', dims, dtypeOf(array));
  graph.initializers.set(value, array);
  if (key) graph.known.set(key, [value]);
  return value;
}

/** A float32 tensor of zeros that takes no room in the model. */
export function zeros(graph: Graph, shape: readonly number[]): Value {
  return emit(graph, 'ConstantOfShape', [int64s(graph, shape)], {}, shape, 'float32');
}

/** The int64 vector that ONNX wants for axes, shapes and starts. */
export function int64s(graph: Graph, values: readonly number[]): Value {
  return constant(graph, BigInt64Array.from(values, BigInt));
}

export interface OutputSpec {
  readonly shape: readonly number[];
  /** @default the type of the first input */
  readonly dtype?: DType;
}

/**
 * Appends one ONNX node. A node equal to an earlier one (operator, inputs, attributes) is not emitted
 * again: the earlier outputs are returned, so that rules may recompute what they need without cost.
 *
 * @param opType e.g. `Relu`, or `com.microsoft:FusedMatMul` for another domain
 */
export function emitMany(
  graph: Graph,
  opType: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  outputs: readonly OutputSpec[],
): readonly Value[] {
  for (const value of inputs)
    if (value && value.graph !== graph)
      throw new RangeError(
        `${opType}: expected operands of one graph, got \`${value.name}\` of another. Build both with the same createGraph().`,
      );
  const key = `${opType}(${inputs.map((value) => value?.name ?? '')})${JSON.stringify(attributes)}x${outputs.length}`;
  const existing = graph.known.get(key);
  if (existing) return existing;

  const colon = opType.lastIndexOf(':');
  const name = opType.slice(colon + 1);
  const dtype = inputs.find((value) => value)?.dtype ?? 'float32';
  const values = outputs.map((spec) => newValue(graph, name, spec.shape, spec.dtype ?? dtype));
  graph.nodes.push({
    opType: name,
    domain: opType.slice(0, Math.max(colon, 0)),
    inputs,
    outputs: values,
    attributes,
  });
  graph.known.set(key, values);
  const origin: Origin = { layer: graph.layer, phase: graph.sweeping ? 'backward' : 'forward' };
  for (const value of values) graph.origins.set(value, origin);
  if (graph.sweeping) for (const value of values) graph.gradientValues.add(value);
  return values;
}

/** Appends one ONNX node with a single output; see `emitMany`. */
export function emit(
  graph: Graph,
  opType: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  shape: readonly number[],
  dtype?: DType,
): Value {
  return emitMany(graph, opType, inputs, attributes, [dtype ? { shape, dtype } : { shape }])[0];
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** A value for a node that `emitMany` does not know of; its name starts with `stem`. */
export function newValue(graph: Graph, stem: string, shape: readonly number[], dtype: DType): Value {
  let name = `${stem}_${graph.names.size}`;
  while (graph.names.has(name)) name += '_';
  return declare(graph, name, shape, dtype);
}

function declare(graph: Graph, name: string, shape: readonly number[], dtype: DType): Value {
  if (!shape.every((size) => Number.isInteger(size) && size >= 0))
    throw new RangeError(`${name}: expected a shape of integers >= 0, got [${shape}].`);
  graph.names.add(name);
  return { graph, name, shape: [...shape], dtype };
}

function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  return data instanceof Int32Array ? 'int32' : 'uint8';
}
