import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Rival } from './interleave.ts';

/**
 * A rival in a process of its own: it says `"ready"`, then for each number of steps that it reads answers with a list
 * of as many times in milliseconds. Both as JSON, one value a line.
 */
export async function startPeer(
  name: string,
  command: readonly [string, ...string[]],
  settings: Readonly<Record<string, string>> = {},
): Promise<Rival & { readonly pid: number; stop(): void }> {
  const [program, ...words] = command;
  const child = spawn(program, words, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...settings },
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`bench: ${command.join(' ')} ended early.`);
    return JSON.parse(value);
  };
  await next();
  return {
    name,
    pid: child.pid!,
    async measure(steps) {
      child.stdin.write(`${steps}\n`);
      return await next();
    },
    stop: () => child.kill(),
  };
}
