import { knownOptions, optionError } from '../option-checks.ts';
import type { ParameterInfo } from '../parameters.ts';
import { type Selection, selects } from '../select.ts';
import {
  type Composite,
  type GradientTransformation,
  masked,
  type Primitive,
  primitive,
} from '../transformation.ts';

export interface PartitionRule {
  /** Which parameters; those of an earlier rule are not asked again. */
  readonly select: Selection;
  /** What is done to their gradients. */
  readonly transformation: GradientTransformation;
}

export interface PartitionOptions {
  /** The first rule that selects a parameter has it. */
  readonly rules: readonly PartitionRule[];
  /** For parameters that no rule selects. */
  readonly otherwise: GradientTransformation;
}

/**
 * A chain of its own for each part of the model: by role, by path, by rank or by predicate.
 *
 *     u ← transformation_i(g),   i the first rule that selects the parameter
 *
 * Shapes: any. State: that of each chain, for its own parameters only. Norms and statistics over several tensors see
 * those of their own part. A guard that ends the step ends it for all parts.
 *
 * @throws RangeError if `rules` is not a list, or naming the unknown key or role of a selector
 * @throws TypeError  if a transformation is none
 * @example
 * partition({
 *   rules: [
 *     { select: { path: 'backbone/*' }, transformation: freeze() },
 *     { select: { role: ['bias', 'normalization'] }, transformation: sgd({ learningRate: 0.01 }) },
 *   ],
 *   otherwise: chain(znorm(), adamw({ learningRate: 1e-3 })),
 * });
 * @see Optax, partition (multi_transform)
 */
export function partition(options: PartitionOptions): Composite {
  knownOptions('partition', options, ['rules', 'otherwise']);
  const { rules, otherwise } = options;
  if (!Array.isArray(rules)) {
    throw optionError('partition', 'rules', 'to be a list of { select, transformation }', rules);
  }
  const claims: ((parameter: ParameterInfo) => boolean)[] = [];
  const parts = rules.map((rule: PartitionRule, i) => {
    knownOptions(`partition.rules[${i}]`, rule, ['select', 'transformation']);
    const own = selects(`partition.rules[${i}]`, rule.select);
    const earlier = [...claims];
    claims.push(own);
    return masked(
      rule.transformation,
      (parameter) => own(parameter) && !earlier.some((has) => has(parameter)),
    );
  });
  const rest = masked(otherwise, (parameter) => !claims.some((has) => has(parameter)));
  return Object.freeze({
    name: 'partition',
    options: Object.freeze({ selects: Object.freeze(rules.map(({ select }) => select)) }),
    parts: Object.freeze([...parts, rest]),
  });
}

/**
 * Leaves parameters as they are: every update is 0.
 *
 *     u ← 0
 *
 * Shapes: any. State: none. Params: unused. Last in a chain, or as a part of `partition`, where frozen parameters
 * have no state either; anything after it would move them again.
 *
 * @example
 * chain(adam(), masked(freeze(), { path: 'embedding/*' }))
 */
export function freeze(options: Record<string, never> = {}): Primitive {
  knownOptions('freeze', options, []);
  return primitive({
    name: 'freeze',
    options,
    update: (ops, g) => ({ updates: ops.full(ops.shape(g), 0) }),
  });
}
