import { frozen, shown } from './option-checks.ts';
import type { ParameterInfo } from './parameters.ts';
import { type Selection, selects } from './select.ts';
import type { Operand, TensorOps } from './tensor-ops.ts';

/**
 * A gradient transformation: data that can be read, saved and planned (`name`, `options`), and pure functions that
 * run on any `TensorOps`. It is either a `Primitive`, one step of arithmetic, or a `Composite` of others.
 *
 * Ownership, everywhere: `update` does not consume its inputs; what it returns belongs to the caller. A tensor that
 * passes through unchanged is returned as the very object that came in. State never shares a tensor with anything
 * else: gradients, parameters and updates can be freed or overwritten while it lives on.
 */
export type GradientTransformation = Primitive | Composite;

/** Parts applied in order, to the parameters that `applies` selects. `adam(…)` and `masked(…)` are of this kind. */
export interface Composite {
  readonly name: string;
  readonly options: Options;
  readonly parts: readonly GradientTransformation[];
  readonly applies?: (parameter: ParameterInfo) => boolean;
}

/** One transformation of one gradient tensor at a time. */
export interface Primitive {
  readonly name: string;
  readonly options: Options;
  /** Parameters it passes through untouched are left out. */
  readonly applies?: (parameter: ParameterInfo) => boolean;
  /**
   * Numbers that change from step to step (learning rates, bias corrections). Declared, never read off a counter on
   * a device: the backend feeds them as numbers, scalar tensors or graph inputs. Steps count from 0.
   */
  readonly scalars?: Readonly<Record<string, (step: number) => number>>;
  /**
   * Random numbers of a step, as many as the parameter has elements: functions of seed, step and path alone. Drawn in
   * JavaScript, so that they are the same everywhere, and fed by the backend as tensors of the parameter's shape.
   */
  readonly draws?: Readonly<Record<string, (step: number, parameter: ParameterInfo) => Float32Array>>;
  /** State kept for one parameter: `slot name → tensor`. */
  readonly init?: <T>(ops: TensorOps<T>, parameter: ParameterInfo, param: T) => Readonly<Record<string, T>>;
  /** What must be known of several tensors together before any of them is updated. */
  readonly reduction?: Reduction;
  readonly update: <T>(ops: TensorOps<T>, updates: T, leaf: Leaf<T>) => LeafUpdate<T>;
  /** Whether this step goes on past this transformation (1) or ends here, with no later state touched (0). */
  readonly gate?: <T>(
    ops: TensorOps<T>,
    pooled: Readonly<Record<string, T>>,
    scalars: Scalars<T>,
  ) => Operand<T>;
  /** How many steps in a row the gate may end before training is given up. */
  readonly maxConsecutiveSkips?: number;
  /** Whether a closed gate is as planned (one micro-batch more), and no step that was skipped. */
  readonly waits?: boolean;
  /** The parameter to evaluate the model with, where that is another than the one that trains. */
  readonly evaluation?: <T>(ops: TensorOps<T>, param: T, slots: Readonly<Record<string, T>>) => T;
}

/** Named settings, plain data: `{ eps: 1e-8 }`. */
export type Options = object;
export type Scalars<T> = Readonly<Record<string, Operand<T>>>;

/** A reduction over groups of tensors: measured tensor by tensor, combined once a group. */
export interface Reduction {
  /** Tensors of one name are combined. */
  readonly group: (parameter: ParameterInfo) => string;
  readonly measure: <T>(ops: TensorOps<T>, updates: T, leaf: Leaf<T>) => Readonly<Record<string, T>>;
  readonly combine: <T>(ops: TensorOps<T>, members: readonly Measured<T>[]) => Readonly<Record<string, T>>;
}

export interface Measured<T> {
  readonly parameter: ParameterInfo;
  readonly measured: Readonly<Record<string, T>>;
}

/** Everything besides the gradient that an update may look at. */
export interface Leaf<T> {
  readonly parameter: ParameterInfo;
  /** The parameter's value, if the caller passed `params`. */
  readonly param: T | undefined;
  readonly slots: Readonly<Record<string, T>>;
  readonly scalars: Scalars<T>;
  /** What `draws` gives for this step, as tensors of the parameter's shape. */
  readonly drawn: Readonly<Record<string, T>>;
  /** What `reduction.measure` found for this tensor, and `reduction.combine` for its group. */
  readonly measured: Readonly<Record<string, T>>;
  readonly pooled: Readonly<Record<string, T>>;
}

/** The parameter's value, for a transformation that cannot do without. @throws TypeError if the caller gave none */
export function paramOf<T>(where: string, leaf: Leaf<T>): T {
  if (leaf.param === undefined) {
    throw new TypeError(
      `${where}: expected params, got undefined at '${leaf.parameter.path}'. Pass params to update().`,
    );
  }
  return leaf.param;
}

export interface LeafUpdate<T> {
  readonly updates: T;
  /** New state; slots not named keep their value. */
  readonly slots?: Readonly<Record<string, T>>;
  /** Scalars worth reporting, such as how many statistics were degenerate. */
  readonly reports?: Readonly<Record<string, T>>;
}

/**
 * Applies transformations one after the other: the updates of one are the gradients of the next.
 *
 *     chain(a, b)(g) = b(a(g))
 *
 * Associative, with `identity()` as its unit. State: that of its parts, named by transformation, never by position.
 *
 * @example
 * const optimizer = chain(clipByGlobalNorm({ maxNorm: 1 }), znorm(), adam({ learningRate: 1e-3 }));
 * @throws TypeError if a part is not a gradient transformation
 */
export function chain(...parts: readonly GradientTransformation[]): Composite {
  parts.forEach((part, index) => {
    if (!isTransformation(part)) {
      throw new TypeError(
        `chain: expected part ${index} to be a gradient transformation, got ${described(part)}.`,
      );
    }
  });
  return Object.freeze({ name: 'chain', options: Object.freeze({}), parts: Object.freeze([...parts]) });
}

/** Passes gradients through unchanged: u ← g. */
export function identity(): Composite {
  return Object.freeze({ name: 'identity', options: Object.freeze({}), parts: Object.freeze([]) });
}

/**
 * Applies a transformation to some parameters and passes the gradients of the others through unchanged. Reductions
 * inside see only the selected ones.
 *
 * @param select a `Selector` (data, can be saved) or a predicate on `ParameterInfo`
 * @example
 * masked(znorm(), { role: 'attention' })
 * @throws RangeError naming the unknown key or role of the selector
 */
export function masked(inner: GradientTransformation, select: Selection): Composite {
  if (!isTransformation(inner)) {
    throw new TypeError(`masked: expected a gradient transformation, got ${described(inner)}.`);
  }
  const applies = selects('masked', select);
  return Object.freeze({
    name: 'masked',
    options: frozen({ select }),
    parts: Object.freeze([inner]),
    applies,
  });
}

/** A chain under a name of its own and with its own options, as the optimizers are. */
export function named(
  name: string,
  options: Options,
  ...parts: readonly GradientTransformation[]
): Composite {
  return Object.freeze({ name, options: frozen(options), parts: Object.freeze([...parts]) });
}

/** Defines a primitive; its options can be read, not changed. */
export function primitive(definition: Primitive): Primitive {
  return Object.freeze({ ...definition, options: frozen(definition.options) });
}

function isTransformation(value: unknown): value is GradientTransformation {
  return (
    typeof value === 'object' && value !== null && 'name' in value && ('update' in value || 'parts' in value)
  );
}

/** What came instead of a transformation, with the two usual slips. */
function described(value: unknown): string {
  if (typeof value === 'function') return 'a function. Call it: `znorm()`, not `znorm`';
  if (Array.isArray(value)) return 'a list. Spread it: `chain(...parts)`';
  return shown(value);
}
