import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { constant, createGraph, emit, emitMany, input, int64s, output } from '../../src/onnx/graph.ts';
import { toModelBytes } from '../../src/onnx/model.ts';
import { ModelProtoSchema } from '../../src/onnx/onnx_pb.ts';

describe('graph', () => {
  test('equal constants share one initializer; different types, shapes and signs of zero do not', () => {
    const graph = createGraph();
    expect(constant(graph, 2)).toBe(constant(graph, 2));
    expect(int64s(graph, [1, 2])).toBe(int64s(graph, [1, 2]));
    expect(constant(graph, Float32Array.of(1, 2))).not.toBe(constant(graph, Float32Array.of(1, 2), [2, 1]));
    expect(constant(graph, 0)).not.toBe(constant(graph, -0));
    expect(constant(graph, Float32Array.of(0), [])).toBe(constant(graph, 0));
    expect(constant(graph, Int32Array.of(0), [])).not.toBe(constant(graph, 0));
  });

  test('equal nodes are emitted once; another attribute, operand or number of outputs makes another node', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [4]);
    const y = input(graph, 'y', [4]);
    const first = emit(graph, 'Add', [x, y], {}, [4]);
    expect(emit(graph, 'Add', [x, y], {}, [4])).toBe(first);
    expect(emit(graph, 'Add', [y, x], {}, [4])).not.toBe(first);
    const one = emitMany(graph, 'TopK', [x], { axis: 0 }, [{ shape: [4] }]);
    expect(
      emitMany(graph, 'TopK', [x], { axis: 0 }, [{ shape: [4] }, { shape: [4], dtype: 'int64' }]),
    ).not.toBe(one);
    expect(emitMany(graph, 'TopK', [x], { axis: 1 }, [{ shape: [4] }])).not.toBe(one);
  });

  test('names and shapes that cannot be are refused', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2]);
    output(x, 'result');
    expect(() => input(graph, 'x', [3])).toThrow(
      'input: expected a name not used in this graph, got `x` a second time.',
    );
    expect(() => output(x, 'result')).toThrow(
      'output: expected a name not used in this graph, got `result` a second time.',
    );
    expect(() => input(graph, 'y', [2, -1])).toThrow('y: expected a shape of integers >= 0, got [2,-1].');
    expect(() => toModelBytes(createGraph())).toThrow(
      'toModelBytes: expected at least one output, got none. Name results with output(value, name).',
    );
  });
});

describe('model', () => {
  test('the bytes read back as the ONNX model that was built', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2, 3]);
    const labels = input(graph, 'labels', [2], 'int64');
    const weight = constant(graph, Float32Array.of(1, -2, 0.5), [3, 1]);
    const y = emit(graph, 'Gemm', [x, weight], { alpha: { float: 0.5 }, transA: 0 }, [2, 1]);
    const z = emit(graph, 'com.microsoft:QuickGelu', [y], {}, [2, 1]);
    const s = emit(graph, 'Slice', [labels, undefined], { axes: [0, 1], mode: 'edge' }, [2]);
    output(z, 'z');
    output(s, 's');
    const { graph: model, ...header } = fromBinary(ModelProtoSchema, toModelBytes(graph));
    expect(header.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
      ['', 21n],
      ['com.microsoft', 1n],
    ]);
    const inputs = model!.input.map(({ name, type }) => {
      const tensor = type!.value.value as {
        elemType: number;
        shape: { dim: { value: { value: bigint } }[] };
      };
      return [name, tensor.elemType, tensor.shape.dim.map((dim) => dim.value.value)];
    });
    expect(inputs).toEqual([
      ['x', 1, [2n, 3n]],
      ['labels', 7, [2n]],
    ]);
    expect(model!.node.map((node) => [node.opType, node.domain, node.input, node.output])).toEqual([
      ['Gemm', '', ['x', weight.name], [y.name]],
      ['QuickGelu', 'com.microsoft', [y.name], ['z']],
      ['Slice', '', ['labels', ''], ['s']],
    ]);
    const attributes = model!.node.flatMap((node) =>
      node.attribute.map(({ name, type, f, i, ints, s }) => [
        name,
        type,
        f,
        i,
        ints,
        new TextDecoder().decode(s),
      ]),
    );
    expect(attributes).toEqual([
      ['alpha', 1, 0.5, 0n, [], ''],
      ['transA', 2, 0, 0n, [], ''],
      ['axes', 7, 0, 0n, [0n, 1n], ''],
      ['mode', 3, 0, 0n, [], 'edge'],
    ]);
    const [stored] = model!.initializer;
    expect([...new Float32Array(stored.rawData.slice().buffer)]).toEqual([1, -2, 0.5]);
    expect(stored.dims).toEqual([3n, 1n]);
  });

  test('only what the outputs need is written', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2]);
    emit(graph, 'Add', [x, constant(graph, 5)], {}, [2]);
    output(emit(graph, 'Neg', [x], {}, [2]), 'y');
    const model = fromBinary(ModelProtoSchema, toModelBytes(graph)).graph!;
    expect(model.node.map((node) => node.opType)).toEqual(['Neg']);
    expect(model.initializer).toEqual([]);
  });

  test('a value with two names, or an input read as an output, is copied', () => {
    const graph = createGraph();
    const x = input(graph, 'x', [2]);
    const y = emit(graph, 'Neg', [x], {}, [2]);
    output(y, 'first');
    output(y, 'second');
    output(x, 'same');
    const model = fromBinary(ModelProtoSchema, toModelBytes(graph)).graph!;
    expect(model.node.map((node) => [node.opType, node.input, node.output])).toEqual([
      ['Neg', ['x'], ['first']],
      ['Identity', ['first'], ['second']],
      ['Identity', ['x'], ['same']],
    ]);
  });
});
