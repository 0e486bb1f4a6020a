import { spawn } from 'node:child_process';
import { failure } from '../expected-error.ts';

export interface ProgramResult {
  /** 0 for success; null if a signal ended it. */
  readonly status: number | null;
  /** The last 10,000 characters of its standard error. */
  readonly stderr: string;
}

/**
 * Runs a program quietly to its end.
 *
 * @throws an expected error if it is not installed
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined },
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
      // npm is a script on Windows, and a script needs a shell there: pass paths in `env`, they may hold spaces.
      shell: process.platform === 'win32',
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-10_000);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? failure(`\`${program}\` is not installed`, { cause: error }) : error);
    });
    child.once('close', (status) => resolve({ status, stderr }));
  });
}
