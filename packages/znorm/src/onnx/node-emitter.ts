/**
 * What `onnxOps` needs of whoever builds an ONNX graph: three ways to make a value `V`. Operators are those of ONNX
 * opset 18 or later, by their names; shapes are static and worked out here, so a builder need not infer any.
 */
export interface NodeEmitter<V> {
  shape(value: V): readonly number[];
  /** A float32 scalar, stored in the graph. */
  constant(value: number): V;
  /** An int64 vector, stored in the graph: axes, shapes, starts. */
  int64s(values: readonly number[]): V;
  /** Appends one node with one output. */
  node(opType: string, inputs: readonly V[], result: NodeResult): V;
}

export interface NodeResult {
  readonly shape: readonly number[];
  /** @default 'float32' */
  readonly dtype?: 'float32' | 'bool';
  /** Integers and lists of them. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}
