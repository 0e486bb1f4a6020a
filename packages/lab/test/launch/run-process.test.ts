import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
// Built code, because the processes it starts are: Node 20 does not read TypeScript.
import { dismissRunProcess, prepareRunProcess, takeRunProcess } from '../../dist/launch/run-process.js';
import { drawnDigits } from '../drawn-digits.ts';
import { isAlive, runProcessesOf, until } from '../processes.ts';
import { killAfterTest, startZnorm } from '../znorm-command.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);

test('the prepared process is the one that the first run takes, and the next takes another', () => {
  prepareRunProcess();
  const [prepared] = runProcessesOf(process.pid);
  const [first, second] = [takeRunProcess(), takeRunProcess()];
  killAfterTest(first);
  killAfterTest(second);
  expect(first.pid).toBe(prepared);
  expect(second.pid).not.toBe(prepared);
});

test('a prepared process that has died meanwhile is not given to a run', async () => {
  prepareRunProcess();
  const [prepared] = runProcessesOf(process.pid);
  process.kill(prepared, 'SIGKILL');
  await until(() => !isAlive(prepared));
  const taken = takeRunProcess();
  killAfterTest(taken);
  expect(taken.pid).not.toBe(prepared);
  expect(taken.connected).toBe(true);
});

test('a prepared process that nobody took can be dismissed', async () => {
  prepareRunProcess();
  const [prepared] = runProcessesOf(process.pid);
  dismissRunProcess();
  await until(() => !isAlive(prepared));
});

test.each([
  ['a command that is refused', ['compare', '--task', 'cifar'], undefined],
  ['a command that is killed while it starts', ['compare', '--task', 'mnist'], 'SIGKILL'],
] as const)('%s leaves no process behind', async (_, words, signal) => {
  const { child, ended } = startZnorm(words, { cwd: root, cache });
  killAfterTest(child);
  let prepared: number | undefined;
  await until(() => {
    [prepared] = runProcessesOf(child.pid!);
    return prepared !== undefined || child.exitCode !== null;
  });
  if (signal) child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect((await ended).status).toBe(signal ? null : 2);
  expect(prepared).toBeDefined();
  await until(() => !isAlive(prepared!));
});
