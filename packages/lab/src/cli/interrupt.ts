import { interrupted } from '../expected-error.ts';

/**
 * Runs work that Ctrl-C (or SIGTERM) stops in an orderly way: the signal given to it aborts, and once it has let go of
 * its files the command ends with `message` and status 130. A second Ctrl-C ends the process at once.
 */
export async function interruptible<T>(
  message: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onSignal = () => (controller.signal.aborted ? process.exit(130) : controller.abort());
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? interrupted(message, { cause: error }) : error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
