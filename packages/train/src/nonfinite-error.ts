import type { TrainingState } from './training-state.ts';

/** A step that came to a number that is not finite: `tensor` is the gradient it was found in, null for the loss. */
export interface NonFiniteError extends RangeError {
  readonly tensor: string | null;
}

/** Whether an error of `step()` is of this kind. */
export function isNonFinite(error: unknown): error is NonFiniteError {
  return error instanceof RangeError && 'tensor' in error;
}

function nonFinite(message: string, tensor: string | null): NonFiniteError {
  return Object.assign(new RangeError(message), { tensor });
}

const nextStep = 'Lower the learning rate, clip gradients, or start the chain with nonfinite().';

/** Without this, one infinity turns every weight into NaN and the run goes on. A chain with `nonfinite` decides itself. */
export function requireFinite(loss: number, { update, gradients }: TrainingState): void {
  const path = update.firstNonfinite();
  if (path !== undefined) {
    const value = gradients[path].data.find((element) => !Number.isFinite(element));
    refuseNonFinite(loss, path, `${value}`);
  }
  if (!Number.isFinite(loss)) refuseNonFinite(loss, undefined);
}

/** @param path of the gradient, or undefined if it is the loss */
export function refuseNonFinite(loss: number, path: string | undefined, value = 'NaN or infinity'): never {
  if (path === undefined) throw nonFinite(`expected a finite loss, got ${loss}. ${nextStep}`, null);
  throw nonFinite(`expected finite gradients, got ${value} at '${path}' (loss ${loss}). ${nextStep}`, path);
}
