import { attention } from '../autodiff/attention.ts';
import { gemm } from '../autodiff/matmul.ts';
import { rotary } from '../autodiff/rotary.ts';
import { reshape } from '../autodiff/shape.ts';
import { glorotUniform, type Initializer, zeros } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import type { Value } from '../onnx/graph.ts';
import { dropoutMask } from './dropout.ts';
import type { Scope } from './scope.ts';

export interface MultiHeadAttentionOptions {
  /** How many heads share the width; must divide it. */
  readonly heads: number;
  /** Position t sees positions up to t only. @default false */
  readonly causal?: boolean;
  /** Share of the attention weights that training sets to 0. @default 0 */
  readonly dropout?: number;
  /** Turns queries and keys by their position. @default false */
  readonly rotary?: boolean;
  /** @default true */
  readonly bias?: boolean;
  /** Of query, key and value kernels. @default glorotUniform */
  readonly initializer?: Initializer;
  /** Of the output kernel. @default as `initializer` */
  readonly outputInitializer?: Initializer;
}

/** What a layer of attention looks at besides its input. */
export interface AttentionContext {
  /** What keys and values are made of, [N, S, D]. @default the input itself */
  readonly memory?: Value;
  /** Which keys may be seen: bool, of a shape that broadcasts to [N, heads, T, S]. @default all */
  readonly mask?: Value;
  /** Where the inputs stand, for generation step by step. @default at 0 … T − 1 */
  readonly steps?: Steps;
}

/** Positions of the inputs, and what earlier inputs left behind. */
export interface Steps {
  /** int64 [T] */
  readonly positions: Value;
  /** Largest position + 1. */
  readonly limit: number;
  /** Adds keys and values of this step, [N, T, D], to the earlier ones of the layer at `path`. */
  recall(path: string, key: Value, value: Value): { keys: Value; values: Value; mask: Value };
}

export type MultiHeadAttention = (x: Value, scope: Scope, context?: AttentionContext) => Value;

/**
 * Attention with several heads, of a sequence to itself or to another one.
 *
 *     y = output( attention(query(x), key(m), value(m)) ),   m = memory or x
 *
 * Shapes: x [N, T, D], memory [N, S, D], y [N, T, D]; `query`, `key`, `value` and `output` each have a kernel [D, D] of
 * role `attention` and a bias [D], which starts at 0.
 *
 * @see Vaswani et al. 2017, arXiv 1706.03762
 */
export function multiHeadAttention(options: MultiHeadAttentionOptions): MultiHeadAttention {
  knownOptions('multiHeadAttention', options, optionNames);
  const { heads, causal = false, dropout = 0, bias = true, initializer = glorotUniform } = options;
  const { outputInitializer = initializer } = options;
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(
      `multiHeadAttention: expected \`dropout\` to be a number >= 0 and < 1, got ${dropout}.`,
    );
  }
  const project = (x: Value, scope: Scope, first: Initializer, axis = 0): Value => {
    const width = x.shape[2];
    const kernel = scope.parameter('kernel', [width, width], {
      role: 'attention',
      initializer: first,
      heads: { axis, count: heads },
    });
    const shift = bias
      ? { bias: scope.parameter('bias', [width], { role: 'bias', initializer: zeros }) }
      : {};
    return reshape(gemm(reshape(x, [-1, width]), kernel, { transB: true, ...shift }), x.shape);
  };

  return (x, scope, { memory = x, mask, steps } = {}) => {
    if (x.shape.length !== 3) {
      throw new RangeError(
        `multiHeadAttention: expected an input of shape [N, T, D], got [${x.shape}] at '${scope.path}'.`,
      );
    }
    const turn = (y: Value) =>
      options.rotary
        ? rotary(y, { heads, ...(steps && { positions: steps.positions, limit: steps.limit }) })
        : y;
    const query = turn(project(x, scope.child('query'), initializer));
    const key = turn(project(memory, scope.child('key'), initializer));
    const value = project(memory, scope.child('value'), initializer);
    const seen =
      memory === x && steps ? steps.recall(scope.path, key, value) : { keys: key, values: value, mask };
    const dropped = dropoutMask([x.shape[0], heads, x.shape[1], seen.keys.shape[1]], dropout, scope);
    const y = attention(query, seen.keys, seen.values, {
      heads,
      causal: causal && !steps,
      ...(seen.mask && { mask: seen.mask }),
      ...(dropped && { dropout: dropped }),
    });
    return project(y, scope.child('output'), outputInitializer, 1);
  };
}

const optionNames: readonly (keyof MultiHeadAttentionOptions)[] = [
  'heads',
  'causal',
  'dropout',
  'rotary',
  'bias',
  'initializer',
  'outputInitializer',
];
