import { type TensorOps, weightedSum } from '../tensor-ops.ts';

/** Zeros in the shape of x: how most state begins. */
export function zerosLike<T>(ops: TensorOps<T>, x: T): T {
  return ops.full(ops.shape(x), 0);
}

/** decay · average + (1 − decay) · x */
export function movedTowards<T>(ops: TensorOps<T>, average: T, decay: number, x: T): T {
  return weightedSum(ops, decay, average, 1 - decay, x);
}

/** decay · average + (1 − decay) · x², the small factor first so that the square overflows last */
export function movedTowardsSquare<T>(ops: TensorOps<T>, average: T, decay: number, x: T): T {
  return weightedSum(ops, decay, average, 1, ops.mul(ops.mul(x, 1 - decay), x));
}
