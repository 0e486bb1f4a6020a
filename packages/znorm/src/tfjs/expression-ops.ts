import * as tf from '@tensorflow/tfjs-core';
import { type Float32Arithmetic, float32Statistics } from '../backends/float32-statistics.ts';
import type { Operand, TensorOps } from '../tensor-ops.ts';
import {
  broadcastShape,
  type ElementOperation,
  type Expression,
  hasOneElement,
  leavesOf,
  programOf,
} from './expression.ts';
import { mostInputs, runProgram } from './programs.ts';
import { tfjsOps } from './tensor-ops.ts';

/** A tensor as an expression. */
export function leaf(tensor: tf.Tensor): Expression {
  return { shape: tensor.shape, tensor };
}

/** The values of an expression: one program, whatever it is made of, unless it reads too many tensors. */
export function tensorOf(expression: Expression): tf.Tensor {
  if (expression.tensor) return expression.tensor;
  while (leavesOf(expression).size > mostInputs) {
    const parts = (expression.operands ?? []).filter(
      (x) => typeof x !== 'number' && !x.tensor,
    ) as Expression[];
    const sizes = parts.map((part) => leavesOf(part).size);
    tensorOf(parts[sizes.indexOf(Math.max(...sizes))]);
  }
  expression.tensor = runProgram(programOf(expression));
  return expression.tensor;
}

type Element = Operand<Expression>;

function element(operation: ElementOperation, ...operands: readonly Element[]): Expression {
  return { shape: broadcastShape(operands), operation, operands };
}

/** An operation of TensorFlow.js that is none on elements. */
function whole(x: Expression, operation: (ops: typeof tfjsOps, x: tf.Tensor) => tf.Tensor): Expression {
  return leaf(operation(tfjsOps, tensorOf(x)));
}

const arithmetic = {
  shape: ({ shape }) => shape,
  full: (shape, value) => ({ shape, operation: 'same', operands: [value] }),
  copy: (x) => (x.tensor ? leaf(tf.clone(x.tensor)) : { shape: x.shape, operation: 'same', operands: [x] }),
  add: (a, b) => element('add', a, b),
  sub: (a, b) => element('sub', a, b),
  mul: (a, b) => element('mul', a, b),
  div: (a, b) => element('div', a, b),
  maximum: (a, b) => element('maximum', a, b),
  minimum: (a, b) => element('minimum', a, b),
  sqrt: (x) => element('sqrt', x),
  abs: (x) => element('abs', x),
  sign: (x) => element('sign', x),
  lessEqual: (a, b) => element('lessEqual', a, b),
  isFinite: (x) => element('isFinite', x),
  where: (condition, a, b) => element('where', condition, a, b),
  sum: (x, axes) => reduced(x, axes, (t) => tf.sum(t, axes && [...axes], axes !== undefined)),
  max: (x, axes) => reduced(x, axes, (t) => tf.max(t, axes && [...axes], axes !== undefined)),
  pad: (x, axis, count) =>
    whole(x, (_, t) =>
      tf.pad(
        t,
        t.shape.map((_, i): [number, number] => [0, i === axis ? count : 0]),
      ),
    ),
  reshape: (x, shape) => whole(x, (ops, t) => ops.reshape(t, shape)),
  // All of a step lies in one tidy: what is not carried out yet must find its tensors.
  tidy: (body) => body(),
} satisfies Float32Arithmetic<Expression> & Partial<TensorOps<Expression>>;

function reduced(
  x: Expression,
  axes: readonly number[] | undefined,
  reduce: (x: tf.Tensor) => tf.Tensor,
): Expression {
  if (!hasOneElement(x)) return leaf(reduce(tensorOf(x)));
  return axes === undefined ? { shape: [], operation: 'same', operands: [x] } : x;
}

/**
 * `TensorOps` for devices on which launching a kernel costs more than what it does: a step of znorm + AdamW is ten of
 * them for each tensor. Sums are the device's own, which adds in a tree.
 */
export const expressionOps: TensorOps<Expression> = {
  ...arithmetic,
  ...float32Statistics<Expression>({ ...arithmetic, addsInTree: true }),
  weightedSum: (a, x, b, y) => {
    const scaled = (factor: Element, term: Element) => {
      if (typeof factor === 'number' && typeof term === 'number') return factor * term;
      return factor === 1 ? term : element('mul', factor, term);
    };
    return element('add', scaled(a, x), scaled(b, y));
  },
  transpose: (x, permutation) => whole(x, (ops, t) => ops.transpose(t, permutation)),
  matmul: (a, b) => leaf(tfjsOps.matmul(tensorOf(a), tensorOf(b))),
  sample: (x, stride, offset) => whole(x, (ops, t) => ops.sample(t, stride, offset)),
  branch(flag, whenTrue, whenFalse) {
    if (typeof flag === 'number') return flag !== 0 ? whenTrue() : whenFalse();
    // Both sides cost less than waiting for the device to say which.
    const otherwise = whenFalse();
    return whenTrue().map((x, i) => element('where', flag, x, otherwise[i]));
  },
  toNumber: readValue,
};

function readValue(x: Element): number {
  return typeof x === 'number' ? x : tensorOf(x).dataSync()[0];
}
