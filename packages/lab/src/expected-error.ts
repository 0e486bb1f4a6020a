/**
 * Errors whose message is all a person needs: what is wrong and the next step. The command prints the message
 * alone, without a stack, and turns the code into its exit status. Any other error is a bug and keeps its stack.
 */
export type ExpectedErrorCode =
  /** The person can mend it by typing something else; exit status 2. */
  | 'bad-input'
  /** The outside world failed: network, disk, a damaged file; exit status 1. */
  | 'failed'
  /** The person stopped it; exit status 130. */
  | 'interrupted';

export interface ExpectedError extends Error {
  readonly code: ExpectedErrorCode;
}

/** An error in what the person asked for: an unknown name, a value out of range, a path that is not there. */
export function badInput(message: string, options?: ErrorOptions): ExpectedError {
  return Object.assign(new RangeError(message, options), { code: 'bad-input' as const });
}

/** A failure outside the program: the request was sound, but it could not be carried out. */
export function failure(message: string, options?: ErrorOptions): ExpectedError {
  return Object.assign(new Error(message, options), { code: 'failed' as const });
}

/** The end of work that a person stopped; the message says how to go on. */
export function interrupted(message: string, options?: ErrorOptions): ExpectedError {
  return Object.assign(new Error(message, options), { code: 'interrupted' as const });
}

export function isExpectedError(error: unknown): error is ExpectedError {
  const codes: readonly unknown[] = ['bad-input', 'failed', 'interrupted'] satisfies ExpectedErrorCode[];
  return error instanceof Error && 'code' in error && codes.includes(error.code);
}
