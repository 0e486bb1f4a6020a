import { sigmoid, tanh } from '../autodiff/activation.ts';
import { add, mul, sub } from '../autodiff/arithmetic.ts';
import { gemm } from '../autodiff/matmul.ts';
import { concat, reshape, slice, split, transpose } from '../autodiff/shape.ts';
import { fanInUniform, type Initializer } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import { type Value, zeros } from '../onnx/graph.ts';
import type { Layer } from './scope.ts';

export interface GruOptions {
  /** Numbers of the state. */
  readonly units: number;
  /** All states, [N, T, units], or the last one, [N, units]. @default 'all' */
  readonly returns?: 'all' | 'last';
  /** Of both kernels. @default uniform within 1/sqrt(units), as in PyTorch */
  readonly initializer?: Initializer;
}

/**
 * A gated recurrent unit, unrolled over the sequence, as in PyTorch:
 *
 *     r = σ(W_r x + b_r + U_r h + c_r)                reset
 *     z = σ(W_z x + b_z + U_z h + c_z)                update
 *     n = tanh(W_n x + b_n + r · (U_n h + c_n))
 *     h ← (1 − z) · n + z · h,   h starts at 0
 *
 * Shapes: x [N, T, in]; `input/kernel` [3·units, in] and `state/kernel` [3·units, units] hold r, z and n one after the
 * other, `input/bias` and `state/bias` [3·units]. All products with the inputs are one; those with the state follow
 * each other, T of them.
 *
 * @throws RangeError for an input that is not [N, T, in]
 * @see Cho et al. 2014, arXiv 1406.1078
 * @example
 * gru({ units: 128, returns: 'last' })
 */
export function gru(options: GruOptions): Layer {
  knownOptions('gru', options, ['units', 'returns', 'initializer']);
  const { units, returns = 'all' } = options;
  const { initializer = fanInUniform(units) } = options;
  return (x, scope) => {
    const [n, length, inputs] = x.shape as [number, number, number];
    if (x.shape.length !== 3)
      throw new RangeError(
        `gru: expected an input of shape [N, T, in], got [${x.shape}] at '${scope.path}'.`,
      );
    const [input, state] = [scope.child('input'), scope.child('state')];
    const kernel = input.parameter('kernel', [3 * units, inputs], { role: 'recurrent', initializer });
    const bias = input.parameter('bias', [3 * units], { role: 'bias', initializer: fanInUniform(units) });
    const recurrent = state.parameter('kernel', [3 * units, units], { role: 'recurrent', initializer });
    const shift = state.parameter('bias', [3 * units], { role: 'bias', initializer: fanInUniform(units) });

    // Time first, so that each step is a slice without a copy of all.
    const early = reshape(transpose(x, [1, 0, 2]), [length * n, inputs]);
    const projected = reshape(gemm(early, kernel, { transB: true, bias }), [length, n, 3 * units]);
    const gates = { axis: 1, sizes: [2 * units, units] };
    let h: Value = zeros(x.graph, [n, units]);
    const states: Value[] = [];
    for (let t = 0; t < length; t++) {
      const now = reshape(slice(projected, { axis: 0, start: t, end: t + 1 }), [n, 3 * units]);
      const [gatesX, newX] = split(now, gates);
      const [gatesH, newH] = split(gemm(h, recurrent, { transB: true, bias: shift }), gates);
      const [r, z] = split(sigmoid(add(gatesX, gatesH)), { axis: 1, sizes: [units, units] });
      const candidate = tanh(add(newX, mul(r, newH)));
      // (1 − z)·n + z·h = n + z·(h − n)
      h = add(candidate, mul(z, sub(h, candidate)));
      states.push(h);
    }
    if (returns === 'last') return h;
    return concat(
      states.map((each) => reshape(each, [n, 1, units])),
      1,
    );
  };
}
