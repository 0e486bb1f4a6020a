import type * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../parameters.ts';

/** What an element is made of: each of these is a line of a program on every backend. */
export type ElementOperation =
  | 'same'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'maximum'
  | 'minimum'
  | 'sqrt'
  | 'abs'
  | 'sign'
  | 'lessEqual'
  | 'isFinite'
  | 'where';

/**
 * A tensor, or what is to become one: operations element by element that are not carried out until something needs
 * their values. Then all of them are one program.
 */
export interface Expression {
  readonly shape: readonly number[];
  readonly operation?: ElementOperation;
  readonly operands?: readonly (Expression | number)[];
  /** Its values, once they are there. */
  tensor?: tf.Tensor;
}

/** Lines that make an element of the output from elements of the inputs; they are broadcast to its shape. */
export interface Program {
  readonly shape: readonly number[];
  readonly lines: readonly Line[];
  readonly inputs: readonly tf.Tensor[];
  /** Numbers that lines refer to: they change from step to step and must not be compiled in. */
  readonly numbers: readonly number[];
}

export interface Line {
  readonly operation: ElementOperation;
  readonly operands: readonly Reference[];
}

export interface Reference {
  readonly from: 'inputs' | 'lines' | 'numbers';
  readonly index: number;
}

/** An expression as a program. Operands that already are tensors are its inputs. */
export function programOf(expression: Expression): Program {
  const lines: Line[] = [];
  const inputs: tf.Tensor[] = [];
  const numbers: number[] = [];
  const known = new Map<Expression, Reference>();
  const reference = (operand: Expression | number): Reference => {
    if (typeof operand === 'number') return { from: 'numbers', index: numbers.push(operand) - 1 };
    const before = known.get(operand);
    if (before) return before;
    const made: Reference = operand.tensor
      ? { from: 'inputs', index: inputs.push(operand.tensor) - 1 }
      : { from: 'lines', index: line(operand) };
    known.set(operand, made);
    return made;
  };
  const line = ({ operation = 'same', operands = [] }: Expression): number => {
    const references = operands.map(reference);
    return lines.push({ operation, operands: references }) - 1;
  };
  line(expression);
  return { shape: expression.shape, lines, inputs, numbers };
}

/** The tensors that a program of this expression reads. */
export function leavesOf(expression: Expression): ReadonlySet<Expression> {
  const leaves = new Set<Expression>();
  const seen = new Set<Expression>();
  const visit = (operand: Expression | number): void => {
    if (typeof operand === 'number' || seen.has(operand)) return;
    seen.add(operand);
    if (operand.tensor) leaves.add(operand);
    else operand.operands?.forEach(visit);
  };
  visit(expression);
  return leaves;
}

/** The shape that operands broadcast to. */
export function broadcastShape(operands: readonly (Expression | number)[]): number[] {
  const shapes = operands.map((operand) => (typeof operand === 'number' ? [] : operand.shape));
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

export function hasOneElement({ shape }: Expression): boolean {
  return sizeOf(shape) === 1;
}
