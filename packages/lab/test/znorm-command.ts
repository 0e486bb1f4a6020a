import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const znorm = fileURLToPath(new URL('../bin/znorm.js', import.meta.url));

export interface Ended {
  /** Exit status; null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the `znorm` command as a shell would, with its output piped. */
export function startZnorm(
  args: readonly string[],
  { cwd, cache }: { cwd: string; cache: string },
): { child: ChildProcess; output: () => string; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [znorm, ...args], {
    cwd,
    env: { ...process.env, ZNORM_CACHE: cache },
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      written[name] += text;
    });
  }
  const ended = once(child, 'close').then(([status]): Ended => ({ status, ...written }));
  return { child, output: () => written.stderr, ended };
}

/** Kills a command that a failed test may leave behind. */
export function killAfterTest(child: ChildProcess): void {
  onTestFinished(() => void child.kill('SIGKILL'));
}
