/** Normalization of each sample over its last axes, with closed-form gradients. */
import { elementCount, emitMany, type Value } from '../onnx/graph.ts';
import { add, mul, reciprocal, sqrt, square, sub } from './arithmetic.ts';
import { columnSums, gemm } from './matmul.ts';
import { reduceMean } from './reduction.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';

/**
 * Normalizes each sample over its last axes.
 *
 *     y = scale · (x − mean) / √(var + eps) + bias        mean, var over the axes of `scale`, var biased
 *
 * With r = 1/√(var + eps), c = x − mean and D elements a sample:
 *
 *     ∂x = r·(scale·g − Σ(scale·g)/D) − c·r³·Σ(scale·g·c)/D,   ∂scale = Σ r·g·c,   ∂bias = Σ g
 *
 * @param x     [..., D…]
 * @param scale [D…]
 * @param bias  [D…]
 * @param options.eps added to the variance. @default 1e-5
 * @see Ba et al. 2016, arXiv 1607.06450
 */
export function layerNorm(x: Value, scale: Value, bias: Value, { eps = 1e-5 }: { eps?: number } = {}): Value {
  const { lead, rows, size } = requireLastAxes('layerNorm', x, { scale, bias });
  const perRow = [rows, 1];
  const [y, mean, inverse] = emitMany(
    x.graph,
    'LayerNormalization',
    [x, scale, bias],
    { axis: lead, epsilon: { float: eps } },
    [{ shape: x.shape }, { shape: statistics(x, lead) }, { shape: statistics(x, lead) }],
  );
  // The rules work on matrices, one sample a row. Sums over rows and columns are products with one vector.
  const matrix = (value: Value) => reshape(value, [rows, size]);
  const r = reshape(inverse, perRow);
  const gain = reshape(scale, [size, 1]);
  const centred = () => sub(matrix(x), reshape(mean, perRow));
  const alignment = (g: Value) => mul(matrix(g), centred());
  return differentiable(
    y,
    [x, scale, bias],
    [
      (g) => {
        const scaled = mul(mul(matrix(g), reshape(scale, [1, size])), r);
        const offset = mul(mul(gemm(matrix(g), gain), r), 1 / size);
        const slope = mul(mul(gemm(alignment(g), gain), mul(square(r), r)), 1 / size);
        return reshape(sub(sub(scaled, mul(centred(), slope)), offset), x.shape);
      },
      (g) => reshape(gemm(r, alignment(g), { transA: true }), scale.shape),
      (g) => reshape(columnSums(matrix(g)), bias.shape),
    ],
  );
}

/**
 * Divides each sample by its root mean square: layer normalization without centring and without a shift.
 *
 *     y = scale · x / √(mean(x²) + eps)        mean over the axes of `scale`
 *
 * @param x     [..., D…]
 * @param scale [D…]
 * @param options.eps added to the mean square. @default 1e-6
 * @see Zhang and Sennrich 2019, arXiv 1910.07467
 */
export function rmsNorm(x: Value, scale: Value, { eps = 1e-6 }: { eps?: number } = {}): Value {
  const { lead, rows, size } = requireLastAxes('rmsNorm', x, { scale });
  const axes = scale.shape.map((_, i) => lead + i);
  const inverse = reciprocal(sqrt(add(reduceMean(square(x), { axes, keepDims: true }), eps)));
  const y = mul(mul(x, inverse), scale);
  const matrix = (value: Value) => reshape(value, [rows, size]);
  const r = reshape(inverse, [rows, 1]);
  const alignment = (g: Value) => mul(matrix(g), matrix(x));
  return differentiable(
    y,
    [x, scale],
    [
      (g) => {
        const scaled = mul(mul(matrix(g), reshape(scale, [1, size])), r);
        const sums = gemm(alignment(g), reshape(scale, [size, 1]));
        const slope = mul(mul(sums, mul(square(r), r)), 1 / size);
        return reshape(sub(scaled, mul(matrix(x), slope)), x.shape);
      },
      (g) => reshape(gemm(r, alignment(g), { transA: true }), scale.shape),
    ],
  );
}

function requireLastAxes(where: string, x: Value, parameters: Record<string, Value>) {
  const entries = Object.entries(parameters);
  const { shape } = entries[0][1];
  const lead = x.shape.length - shape.length;
  if (lead < 0 || entries.some(([, value]) => `${x.shape.slice(lead)}` !== `${value.shape}`))
    throw new RangeError(
      `${where}: expected ${entries.map(([name]) => name).join(' and ')} of the last axes of [${x.shape}], got ${entries.map(([, value]) => `[${value.shape}]`).join(' and ')}.`,
    );
  const size = elementCount(shape);
  return { lead, size, rows: elementCount(x.shape) / size };
}

/** The shape of one number a sample. */
function statistics(x: Value, lead: number): number[] {
  return x.shape.map((length, axis) => (axis < lead ? length : 1));
}
