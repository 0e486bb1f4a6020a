import type { TensorOps } from 'znorm';
import { onnxOps } from 'znorm/onnx';
import { constant, emit, type Graph, int64s, type Value } from './graph.ts';

/** The operations of gradient transformations as nodes of a graph. */
export function nodesOf(graph: Graph): TensorOps<Value> {
  return onnxOps<Value>({
    shape: (value) => value.shape,
    constant: (value) => constant(graph, value),
    int64s: (values) => int64s(graph, values),
    node: (opType, inputs, { shape, dtype = 'float32', attributes = {} }) =>
      emit(graph, opType, inputs, attributes, shape, dtype),
  });
}
