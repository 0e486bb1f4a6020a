/**
 * Elementwise arithmetic. Two-operand functions broadcast as in ONNX and NumPy, and take numbers for
 * scalar constants; their gradients are summed back over broadcast axes.
 */
import { type DType, emit, type Value } from '../onnx/graph.ts';
import { broadcastShape, lift, type Operand, sumTo } from './broadcast.ts';
import { differentiable } from './tape.ts';

/** a + b */
export function add(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('add', 'Add', left, right);
  return differentiable(y, [a, b], [(g) => sumTo(g, a.shape), (g) => sumTo(g, b.shape)]);
}

/** a − b */
export function sub(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('sub', 'Sub', left, right);
  return differentiable(y, [a, b], [(g) => sumTo(g, a.shape), (g) => neg(sumTo(g, b.shape))]);
}

/** a · b, element by element */
export function mul(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('mul', 'Mul', left, right);
  return differentiable(y, [a, b], [(g) => sumTo(mul(g, b), a.shape), (g) => sumTo(mul(g, a), b.shape)]);
}

/** a / b */
export function div(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('div', 'Div', left, right);
  // ∂y/∂b = −a/b² = −y/b
  return differentiable(
    y,
    [a, b],
    [(g) => sumTo(div(g, b), a.shape), (g) => neg(sumTo(div(mul(g, y), b), b.shape))],
  );
}

/** aᵇ. The gradient of the exponent needs a > 0. */
export function pow(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('pow', 'Pow', left, right);
  return differentiable(
    y,
    [a, b],
    [
      (g) => sumTo(mul(mul(g, b), pow(a, typeof right === 'number' ? right - 1 : sub(b, 1))), a.shape),
      (g) => sumTo(mul(mul(g, y), log(a)), b.shape),
    ],
  );
}

/** The larger of a and b; equal operands share the gradient equally, as in PyTorch. */
export function maximum(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('maximum', 'Max', left, right);
  return differentiable(y, [a, b], [(g) => selected(g, a, b, greater), (g) => selected(g, b, a, greater)]);
}

/** The smaller of a and b; equal operands share the gradient equally. */
export function minimum(left: Operand, right: Operand): Value {
  const { a, b, y } = binary('minimum', 'Min', left, right);
  return differentiable(y, [a, b], [(g) => selected(g, a, b, less), (g) => selected(g, b, a, less)]);
}

/**
 * min(max(x, options.min), options.max). The gradient passes where min ≤ x ≤ max, bounds included, as in PyTorch.
 * @param options.min @default no lower bound
 * @param options.max @default no upper bound
 */
export function clip(x: Value, { min, max }: { min?: number; max?: number }): Value {
  if (min === undefined && max === undefined) return x;
  if (!((min ?? -Infinity) <= (max ?? Infinity)))
    throw new RangeError(`clip: expected min <= max, got min ${min} and max ${max}.`);
  const y = emit(x.graph, 'Clip', lift('clip', x, min ?? -Infinity, max ?? Infinity), {}, x.shape);
  return differentiable(
    y,
    [x],
    [
      (g) => {
        const below = max === undefined ? g : where(lessOrEqual(x, max), g, 0);
        return min === undefined ? below : where(greaterOrEqual(x, min), below, 0);
      },
    ],
  );
}

function selected(g: Value, mine: Value, other: Value, wins: (a: Value, b: Value) => Value): Value {
  return sumTo(where(wins(mine, other), g, where(equal(mine, other), mul(g, 0.5), 0)), mine.shape);
}

/** −x */
export function neg(x: Value): Value {
  return differentiable(unary('Neg', x), [x], [(g) => neg(g)]);
}

/** √x */
export function sqrt(x: Value): Value {
  const y = unary('Sqrt', x);
  return differentiable(y, [x], [(g) => div(mul(g, 0.5), y)]);
}

/** eˣ */
export function exp(x: Value): Value {
  const y = unary('Exp', x);
  return differentiable(y, [x], [(g) => mul(g, y)]);
}

/** Natural logarithm */
export function log(x: Value): Value {
  return differentiable(unary('Log', x), [x], [(g) => div(g, x)]);
}

/** |x|, with gradient 0 at 0 */
export function abs(x: Value): Value {
  return differentiable(unary('Abs', x), [x], [(g) => mul(g, unary('Sign', x))]);
}

/** x² */
export function square(x: Value): Value {
  return differentiable(emit(x.graph, 'Mul', [x, x], {}, x.shape), [x], [(g) => mul(mul(g, 2), x)]);
}

/** 1/x */
export function reciprocal(x: Value): Value {
  const y = unary('Reciprocal', x);
  return differentiable(y, [x], [(g) => neg(mul(g, square(y)))]);
}

/** a > b; like every comparison: a bool, without gradient. */
export function greater(a: Operand, b: Operand): Value {
  return compare('greater', 'Greater', a, b);
}

/** a ≥ b */
export function greaterOrEqual(a: Operand, b: Operand): Value {
  return compare('greaterOrEqual', 'GreaterOrEqual', a, b);
}

/** a < b */
export function less(a: Operand, b: Operand): Value {
  return compare('less', 'Less', a, b);
}

/** a ≤ b */
export function lessOrEqual(a: Operand, b: Operand): Value {
  return compare('lessOrEqual', 'LessOrEqual', a, b);
}

/** a = b */
export function equal(a: Operand, b: Operand): Value {
  return compare('equal', 'Equal', a, b);
}

/** a where the condition holds, b elsewhere; all three broadcast. */
export function where(condition: Value, left: Operand, right: Operand): Value {
  if (condition.dtype !== 'bool')
    throw new TypeError(
      `where: expected a condition of type bool, got ${condition.dtype}. Compare it, or cast(x, 'bool').`,
    );
  const [a, b] = lift('where', left, right, condition) as [Value, Value];
  const shape = broadcastShape('where', condition.shape, a.shape, b.shape);
  const y = emit(condition.graph, 'Where', [condition, a, b], {}, shape, a.dtype);
  return differentiable(
    y,
    [condition, a, b],
    [undefined, (g) => sumTo(where(condition, g, 0), a.shape), (g) => sumTo(where(condition, 0, g), b.shape)],
  );
}

/** Converts the element type; without gradient. */
export function cast(x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  const to = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 }[dtype];
  return emit(x.graph, 'Cast', [x], { to }, x.shape, dtype);
}

function unary(opType: string, x: Value): Value {
  return emit(x.graph, opType, [x], {}, x.shape);
}

function binary(name: string, opType: string, left: Operand, right: Operand) {
  const [a, b] = lift(name, left, right) as [Value, Value];
  requireSameType(name, a, b);
  return { a, b, y: emit(a.graph, opType, [a, b], {}, broadcastShape(name, a.shape, b.shape)) };
}

function compare(name: string, opType: string, left: Operand, right: Operand): Value {
  const [a, b] = lift(name, left, right) as [Value, Value];
  requireSameType(name, a, b);
  return emit(a.graph, opType, [a, b], {}, broadcastShape(name, a.shape, b.shape), 'bool');
}

function requireSameType(name: string, a: Value, b: Value): void {
  if (a.dtype !== b.dtype)
    throw new TypeError(
      `${name}: expected operands of one type, got ${a.dtype} and ${b.dtype}. Convert one with cast().`,
    );
}
