import { type ChildProcess, fork } from 'node:child_process';

let waiting: ChildProcess | undefined;

/**
 * Starts the process of the first run before there is anything for it to do: it loads its modules, half of the time
 * until its first step, while this process still loads its own and plans.
 */
export function prepareRunProcess(): void {
  waiting ??= start();
}

/** Ends the prepared process if no run has taken it. */
export function dismissRunProcess(): void {
  waiting?.kill('SIGKILL');
  waiting = undefined;
}

/** A process for one run, which takes an `Assignment` as its first message: the prepared one if there is one. */
export function takeRunProcess(): ChildProcess {
  const prepared = waiting;
  waiting = undefined;
  const lives = prepared?.connected && prepared.exitCode === null && prepared.signalCode === null;
  return lives ? prepared : start();
}

function start(): ChildProcess {
  const child = fork(new URL('../run/process.js', import.meta.url), {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Interrupts go to the whole terminal group; the parent decides when runs end.
    detached: true,
  });
  // One that could not be started is told of by whoever takes it; it is then no longer connected.
  child.on('error', () => {});
  return child;
}
