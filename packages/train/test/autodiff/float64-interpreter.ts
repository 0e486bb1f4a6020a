/**
 * Runs a graph in float64, one element at a time, straight from the definitions of the ONNX operators. Slow and
 * obvious: it is what the tests hold both the differentiation rules and the runtimes against.
 */
import type { Attribute, Attributes, Graph, Node, Value } from '../../src/onnx/graph.ts';

export interface Tensor64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/**
 * The values of all tensors of the graph that `wanted` needs. Integers and booleans are numbers too.
 */
export function interpret(
  graph: Graph,
  feeds: Readonly<Record<string, ArrayLike<number>>>,
  wanted: Iterable<Value>,
): Map<Value, Tensor64> {
  const values = new Map<Value, Tensor64>();
  for (const [value, data] of graph.initializers)
    values.set(value, { shape: value.shape, data: Float64Array.from(data as ArrayLike<number>, Number) });
  for (const value of graph.inputs)
    values.set(value, { shape: value.shape, data: Float64Array.from(feeds[value.name], Number) });
  for (const node of leadingTo(graph, wanted)) {
    const rule = operators[node.opType];
    if (!rule) throw new Error(`interpret: no definition of ${node.opType}.`);
    const inputs = node.inputs.map((value) => (value ? values.get(value) : undefined));
    const results = rule(inputs as Tensor64[], reader(node.attributes), node);
    node.outputs.forEach((value, i) => {
      const result = results[i];
      if (!result) return;
      if (`${result.shape}` !== `${value.shape}`)
        throw new Error(`interpret: ${node.opType} gave [${result.shape}], the graph says [${value.shape}].`);
      values.set(value, result);
    });
  }
  return values;
}

function leadingTo(graph: Graph, wanted: Iterable<Value>): Node[] {
  const needed = new Set<Value | undefined>(wanted);
  const nodes = graph.nodes.toReversed().filter((node) => {
    const used = node.outputs.some((value) => needed.has(value));
    if (used) for (const value of node.inputs) needed.add(value);
    return used;
  });
  return nodes.reverse();
}

type Read = (name: string, fallback?: Attribute) => never;
type Operator = (inputs: Tensor64[], attribute: Read, node: Node) => (Tensor64 | undefined)[];

const reader =
  (attributes: Attributes): Read =>
  (name, fallback) => {
    const value = attributes[name] ?? fallback;
    return (typeof value === 'object' && 'float' in value ? value.float : value) as never;
  };

/** All index tuples of a shape, in memory order. */
function* indices(shape: readonly number[]): Generator<number[]> {
  const index = shape.map(() => 0);
  const count = size(shape);
  for (let k = 0; k < count; k++) {
    yield index;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const offset = (shape: readonly number[], index: readonly number[]) =>
  index.reduce((sum, at, axis) => sum * shape[axis] + at, 0);

/** A tensor of a shape, each element computed from its index. */
function fill(shape: readonly number[], element: (index: readonly number[]) => number): Tensor64 {
  const data = new Float64Array(size(shape));
  let k = 0;
  for (const index of indices(shape)) data[k++] = element(index);
  return { shape, data };
}

const at = (tensor: Tensor64, index: readonly number[]) => tensor.data[offset(tensor.shape, index)];

/** The element a broadcast tensor shows at an index of the result. */
function broadcastAt(tensor: Tensor64, index: readonly number[]): number {
  const own = index.slice(index.length - tensor.shape.length);
  return at(
    tensor,
    own.map((i, axis) => (tensor.shape[axis] === 1 ? 0 : i)),
  );
}

function elementwise(f: (...operands: number[]) => number): Operator {
  return (inputs) => {
    const rank = Math.max(...inputs.map(({ shape }) => shape.length));
    const shape = Array.from({ length: rank }, (_, axis) =>
      inputs.reduce((most, input) => {
        const own = input.shape[input.shape.length - rank + axis] ?? 1;
        return own === 1 ? most : own;
      }, 1),
    );
    return [fill(shape, (index) => f(...inputs.map((input) => broadcastAt(input, index))))];
  };
}

function reduction(combine: (values: number[]) => number): Operator {
  return ([x, axes], attribute) => {
    const reduced = new Set(axes.data);
    const kept = x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length));
    const groups = Array.from({ length: size(kept) }, (): number[] => []);
    for (const index of indices(x.shape))
      groups[
        offset(
          kept,
          index.map((i, axis) => (reduced.has(axis) ? 0 : i)),
        )
      ].push(at(x, index));
    const shape = attribute('keepdims', 1) ? kept : x.shape.filter((_, axis) => !reduced.has(axis));
    return [{ shape, data: Float64Array.from(groups, combine) }];
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** erf x = 2/√π e^(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms all have one sign. */
function erf(x: number): number {
  let term = x;
  let total = 0;
  for (let n = 0; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    total += term;
    term *= (2 * x * x) / (2 * n + 3);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

const gelu = (x: number, approximate: string) =>
  approximate === 'tanh'
    ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : 0.5 * x * (1 + erf(x / Math.SQRT2));

function softmax([x]: Tensor64[], attribute: Read, log: boolean): Tensor64[] {
  const axis: number = attribute('axis');
  const row = (index: readonly number[]) =>
    Array.from({ length: x.shape[axis] }, (_, i) => at(x, index.with(axis, i)));
  return [
    fill(x.shape, (index) => {
      const logit = at(x, index) - Math.log(sum(row(index).map(Math.exp)));
      return log ? logit : Math.exp(logit);
    }),
  ];
}

/** Calls `visit` with each element of the image that a window at a position covers. */
function slide(
  attribute: Read,
  image: readonly number[],
  position: readonly number[],
  visit: (row: number, column: number, u: number, v: number) => void,
): void {
  const [kernel, strides, pads, dilations] = [
    attribute('kernel_shape') as number[],
    attribute('strides', [1, 1]) as number[],
    attribute('pads', [0, 0, 0, 0]) as number[],
    attribute('dilations', [1, 1]) as number[],
  ];
  for (let u = 0; u < kernel[0]; u++)
    for (let v = 0; v < kernel[1]; v++) {
      const row = position[0] * strides[0] + u * dilations[0] - pads[0];
      const column = position[1] * strides[1] + v * dilations[1] - pads[1];
      if (row >= 0 && row < image[2] && column >= 0 && column < image[3]) visit(row, column, u, v);
    }
}

function matmul(a: Tensor64, b: Tensor64): Tensor64 {
  const rank = Math.max(a.shape.length, b.shape.length);
  const pad = (t: Tensor64) => ({
    ...t,
    shape: [...Array(rank - t.shape.length).fill(1), ...t.shape] as number[],
  });
  const [p, q] = [pad(a), pad(b)];
  const lead = p.shape.slice(0, -2).map((length, axis) => Math.max(length, q.shape[axis]));
  return fill([...lead, p.shape.at(-2)!, q.shape.at(-1)!], (index) => {
    const batch = index.slice(0, -2);
    const [row, column] = index.slice(-2) as [number, number];
    return sum(
      Array.from(
        { length: p.shape.at(-1)! },
        (_, k) => broadcastAt(p, [...batch, row, k]) * broadcastAt(q, [...batch, k, column]),
      ),
    );
  });
}

const transpose = (x: Tensor64, perm: readonly number[]): Tensor64 =>
  fill(
    perm.map((axis) => x.shape[axis]),
    (index) =>
      at(
        x,
        perm.map((_, axis) => index[perm.indexOf(axis)]),
      ),
  );

const operators: Record<string, Operator> = {
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => a / b),
  Pow: elementwise((a, b) => a ** b),
  Max: elementwise(Math.max),
  Min: elementwise(Math.min),
  Neg: elementwise((x) => -x),
  Abs: elementwise(Math.abs),
  Sign: elementwise(Math.sign),
  Sqrt: elementwise(Math.sqrt),
  Exp: elementwise(Math.exp),
  Log: elementwise(Math.log),
  Reciprocal: elementwise((x) => 1 / x),
  Relu: elementwise((x) => Math.max(x, 0)),
  Sigmoid: elementwise((x) => 1 / (1 + Math.exp(-x))),
  Tanh: elementwise(Math.tanh),
  Erf: elementwise(erf),
  Softplus: elementwise((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Softsign: elementwise((x) => x / (1 + Math.abs(x))),
  Clip: elementwise((x, low, high) => Math.min(Math.max(x, low), high)),
  Greater: elementwise((a, b) => +(a > b)),
  GreaterOrEqual: elementwise((a, b) => +(a >= b)),
  Less: elementwise((a, b) => +(a < b)),
  LessOrEqual: elementwise((a, b) => +(a <= b)),
  Equal: elementwise((a, b) => +(a === b)),
  Where: elementwise((condition, a, b) => (condition ? a : b)),
  Cast: ([x]) => [x],
  Identity: ([x]) => [x],
  Gelu: (inputs, attribute, node) =>
    elementwise((x) => gelu(x, attribute('approximate')))(inputs, attribute, node),
  LeakyRelu: (inputs, attribute, node) =>
    elementwise((x) => (x > 0 ? x : Math.fround(attribute('alpha')) * x))(inputs, attribute, node),
  Elu: (inputs, attribute, node) =>
    elementwise((x) => (x > 0 ? x : Math.fround(attribute('alpha')) * Math.expm1(x)))(
      inputs,
      attribute,
      node,
    ),
  HardSigmoid: (inputs, attribute, node) =>
    elementwise((x) =>
      Math.min(1, Math.max(0, (attribute('alpha') as number) * x + (attribute('beta') as number))),
    )(inputs, attribute, node),
  Softmax: (inputs, attribute) => softmax(inputs, attribute, false),
  LogSoftmax: (inputs, attribute) => softmax(inputs, attribute, true),
  ReduceSum: reduction(sum),
  ReduceMean: reduction((values) => sum(values) / values.length),
  ReduceMax: reduction((values) => Math.max(...values)),
  ReduceMin: reduction((values) => Math.min(...values)),
  ReduceL2: reduction((values) => Math.hypot(...values)),
  ReduceLogSumExp: reduction((values) => Math.log(sum(values.map(Math.exp)))),
  ReduceSumSquare: reduction((values) => sum(values.map((x) => x * x))),
  Reshape: ([x, shape]) => [{ shape: [...shape.data], data: x.data }],
  Not: elementwise((x) => +!x),
  LayerNormalization: ([x, scale, bias], attribute) => {
    const lead: number = attribute('axis');
    const width = size(x.shape.slice(lead));
    const rows = Array.from({ length: x.data.length / width }, (_, row) => {
      const values = [...x.data.subarray(row * width, (row + 1) * width)];
      const mean = sum(values) / width;
      const variance = sum(values.map((value) => (value - mean) ** 2)) / width;
      return { mean, inverse: 1 / Math.sqrt(variance + Math.fround(attribute('epsilon'))) };
    });
    const statistics = x.shape.map((length, axis) => (axis < lead ? length : 1));
    const of = (k: number) => rows[Math.floor(k / width)];
    return [
      {
        shape: x.shape,
        data: x.data.map((value, k) => {
          const { mean, inverse } = of(k);
          return (value - mean) * inverse * scale.data[k % width] + bias.data[k % width];
        }),
      },
      { shape: statistics, data: Float64Array.from(rows, ({ mean }) => mean) },
      { shape: statistics, data: Float64Array.from(rows, ({ inverse }) => inverse) },
    ];
  },
  FusedMatMul: ([a, b], attribute) => {
    const swap = (x: Tensor64): Tensor64 => {
      const axes = x.shape.map((_, axis) => axis);
      return transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
    };
    const alpha = Math.fround(attribute('alpha', 1));
    const y = matmul(attribute('transA', 0) ? swap(a) : a, attribute('transB', 0) ? swap(b) : b);
    return [{ shape: y.shape, data: y.data.map((value) => alpha * value) }];
  },
  OneHot: ([ids, depth, values]) => [
    fill([depth.data[0], ids.data.length], ([row, column]) => values.data[+(ids.data[column] === row)]),
  ],
  Transpose: ([x], attribute) => [transpose(x, attribute('perm'))],
  Expand: ([x, shape]) => [fill([...shape.data], (index) => broadcastAt(x, index))],
  ConstantOfShape: ([shape]) => [fill([...shape.data], () => 0)],
  Concat: (inputs, attribute) => {
    const axis: number = attribute('axis');
    const length = sum(inputs.map(({ shape }) => shape[axis]));
    return [
      fill(inputs[0].shape.with(axis, length), (index) => {
        let i = index[axis];
        for (const input of inputs) {
          if (i < input.shape[axis]) return at(input, index.with(axis, i));
          i -= input.shape[axis];
        }
        return Number.NaN;
      }),
    ];
  },
  Split: ([x, sizes], attribute) => {
    const axis: number = attribute('axis');
    let start = 0;
    return [...sizes.data].map((length) => {
      const first = start;
      start += length;
      return fill(x.shape.with(axis, length), (index) => at(x, index.with(axis, first + index[axis])));
    });
  },
  Slice: ([x, starts, ends, axes, steps]) => {
    const from = x.shape.map(() => 0);
    const step = x.shape.map(() => 1);
    const shape = [...x.shape];
    axes.data.forEach((axis, i) => {
      const length = x.shape[axis];
      const s = steps.data[i];
      const clamp = (k: number, low: number, high: number) =>
        Math.min(high, Math.max(low, k < 0 ? k + length : k));
      from[axis] = s > 0 ? clamp(starts.data[i], 0, length) : clamp(starts.data[i], 0, length - 1);
      const end = s > 0 ? clamp(ends.data[i], 0, length) : clamp(ends.data[i], -1, length - 1);
      step[axis] = s;
      shape[axis] = Math.max(0, Math.ceil((end - from[axis]) / s));
    });
    return [
      fill(shape, (index) =>
        at(
          x,
          index.map((i, axis) => from[axis] + i * step[axis]),
        ),
      ),
    ];
  },
  Pad: ([x, pads, value]) => {
    const rank = x.shape.length;
    const shape = x.shape.map((length, axis) => length + pads.data[axis] + pads.data[axis + rank]);
    return [
      fill(shape, (index) => {
        const source = index.map((i, axis) => i - pads.data[axis]);
        const inside = source.every((i, axis) => i >= 0 && i < x.shape[axis]);
        return inside ? at(x, source) : (value?.data[0] ?? 0);
      }),
    ];
  },
  Gather: ([x, ids], attribute) => {
    const axis: number = attribute('axis');
    const shape = [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)];
    return [
      fill(shape, (index) => {
        const id = at(ids, index.slice(axis, axis + ids.shape.length));
        return at(x, [...index.slice(0, axis), id, ...index.slice(axis + ids.shape.length)]);
      }),
    ];
  },
  GatherElements: ([x, ids], attribute) => {
    const axis: number = attribute('axis');
    return [fill(ids.shape, (index) => at(x, index.with(axis, at(ids, index))))];
  },
  ScatterElements: ([x, ids, updates], attribute) => {
    const axis: number = attribute('axis');
    const data = x.data.slice();
    for (const index of indices(ids.shape)) {
      const target = offset(x.shape, index.with(axis, at(ids, index)));
      data[target] = (attribute('reduction', 'none') === 'add' ? data[target] : 0) + at(updates, index);
    }
    return [{ shape: x.shape, data }];
  },
  MatMul: ([a, b]) => [matmul(a, b)],
  Gemm: ([a, b, bias], attribute) => {
    const flip = (t: Tensor64, wanted: unknown) => (wanted ? transpose(t, [1, 0]) : t);
    const product = matmul(flip(a, attribute('transA', 0)), flip(b, attribute('transB', 0)));
    return [bias ? fill(product.shape, (index) => at(product, index) + broadcastAt(bias, index)) : product];
  },
  Conv: ([x, kernel, bias], attribute, node) => {
    const group: number = attribute('group', 1);
    const [filters, perGroup] = kernel.shape as [number, number];
    return [
      fill(node.outputs[0].shape, ([n, o, ...position]) => {
        let total = bias ? bias.data[o]! : 0;
        const first = Math.floor(o / (filters / group)) * perGroup;
        slide(attribute, x.shape, position, (row, column, u, v) => {
          for (let i = 0; i < perGroup; i++)
            total += at(x, [n, first + i, row, column]) * at(kernel, [o, i, u, v]);
        });
        return total;
      }),
    ];
  },
  ConvTranspose: ([x, kernel], attribute, node) => {
    const group: number = attribute('group', 1);
    const [channels, perGroup] = kernel.shape as [number, number];
    const shape = node.outputs[0].shape;
    const data = new Float64Array(size(shape));
    for (const [n, c, ...position] of indices(x.shape)) {
      const first = Math.floor(c / (channels / group)) * perGroup;
      slide(attribute, shape, position, (row, column, u, v) => {
        for (let o = 0; o < perGroup; o++)
          data[offset(shape, [n, first + o, row, column])] +=
            at(x, [n, c, ...position]) * at(kernel, [c, o, u, v]);
      });
    }
    return [{ shape, data }];
  },
  MaxPool: ([x], attribute, node) => {
    const { shape } = node.outputs[0];
    const best = Array.from(indices(shape), ([n, c, ...position]) => {
      let winner = -1;
      slide(attribute, x.shape, position, (row, column) => {
        const candidate = offset(x.shape, [n, c, row, column]);
        if (winner < 0 || x.data[candidate] > x.data[winner]) winner = candidate;
      });
      return winner;
    });
    return [
      { shape, data: Float64Array.from(best, (k) => x.data[k]) },
      { shape, data: Float64Array.from(best) },
    ];
  },
  MaxUnpool: ([x, ids], _, node) => {
    const { shape } = node.outputs[0];
    const data = new Float64Array(size(shape));
    ids.data.forEach((id, i) => {
      data[Number(id)] = x.data[i];
    });
    return [{ shape, data }];
  },
  AveragePool: ([x], attribute, node) => [
    fill(node.outputs[0].shape, ([n, c, ...position]) => {
      let total = 0;
      let inside = 0;
      slide(attribute, x.shape, position, (row, column) => {
        total += at(x, [n, c, row, column]);
        inside++;
      });
      return total / (attribute('count_include_pad', 0) ? size(attribute('kernel_shape')) : inside);
    }),
  ],
};
