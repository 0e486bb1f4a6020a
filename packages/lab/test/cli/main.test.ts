import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { badInput, failure, interrupted } from '../../src/expected-error.ts';
import { serveFiles } from '../datasets/file-server.ts';
import { digest, temporaryFolder, tinyArchive, tinyFiles } from '../datasets/tiny-cifar10.ts';

afterEach(() => vi.restoreAllMocks());

/** Runs `znorm …` with one command, `work`, that does what it is given. */
async function znorm(args: readonly string[], work: () => unknown = () => {}) {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  const command = new Command('work').option('--learning-rate <RATE>', 'a rate').action(async () => {
    await work();
  });
  const status = await main(args, [command]);
  vi.restoreAllMocks();
  return { status, ...written };
}

const throwing = (error: unknown) => () => {
  throw error;
};

test('work that ends well has status 0 and prints nothing of its own', async () => {
  expect(await znorm(['work'])).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('an expected error is its message alone; the status tells whose turn it is', async () => {
  expect(await znorm(['work'], throwing(failure('a: b.')))).toEqual({
    status: 1,
    stdout: '',
    stderr: 'a: b.\n',
  });
  expect(await znorm(['work'], throwing(badInput('a: c.')))).toEqual({
    status: 2,
    stdout: '',
    stderr: 'a: c.\n',
  });
  expect(await znorm(['work'], throwing(interrupted('a: d.')))).toEqual({
    status: 130,
    stdout: '',
    stderr: 'a: d.\n',
  });
});

test('what the operating system refuses is told as it tells it', async () => {
  expect(await znorm(['work'], () => readFileSync('/no/such/file'))).toEqual({
    status: 1,
    stdout: '',
    stderr: "znorm: ENOENT: no such file or directory, open '/no/such/file'\n",
  });
});

test('an error of znorm itself says so and shows where it happened', async () => {
  const { status, stderr } = await znorm(['work'], throwing(new TypeError('x is not a function')));
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^znorm: unexpected error; this is a fault in znorm itself\.\nTypeError: x is not a function\n {4}at .*main\.test\.ts/,
  );
});

test('what is mistyped is named with what was meant', async () => {
  expect(await znorm(['wrok'])).toMatchObject({
    status: 2,
    stderr: "znorm: unknown command 'wrok'. Did you mean 'work'?\n",
  });
  expect(await znorm(['work', '--learning-rat', '1'])).toMatchObject({
    status: 2,
    stderr: "znorm: unknown option '--learning-rat'. Did you mean '--learning-rate'?\n",
  });
  expect(await znorm(['work', '--frobnicate'])).toMatchObject({
    status: 2,
    stderr: "znorm: unknown option '--frobnicate'. See `znorm work --help`.\n",
  });
  expect(await znorm(['work', '--learning-rate'])).toMatchObject({
    status: 2,
    stderr: "znorm: option '--learning-rate <RATE>' argument missing. See `znorm work --help`.\n",
  });
});

test('help and version go to standard output; no command at all gets the help, with status 2', async () => {
  const help = await znorm(['--help']);
  expect(help).toMatchObject({ status: 0, stderr: '' });
  expect(help.stdout).toContain('Usage: znorm [options] [command]');
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await znorm(['--version'])).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  const nothing = await znorm([]);
  expect(nothing).toMatchObject({ status: 2, stdout: '' });
  expect(nothing.stderr).toContain('Usage: znorm [options] [command]');
});

test('a reader that has seen enough ends the command without a word', async () => {
  const script = fileURLToPath(new URL('data-child.mjs', import.meta.url));
  const child = spawn(process.execPath, [
    script,
    JSON.stringify(tinyFiles),
    '{"url":"http://localhost/"}',
    'list',
  ]);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(stderr).toBe('');
});

test.skipIf(process.platform === 'win32')(
  'Ctrl-C ends a download with status 130, and the next goes on from there',
  async () => {
    // Skipped on Windows, where a process cannot send another SIGINT.
    const archive = await tinyArchive();
    const cache = temporaryFolder();
    const server = await serveFiles({ 'a.tar.gz': { body: archive, ranges: true, pauseMs: 30 } });
    const url = `${server.base}a.tar.gz`;
    const published = { name: 'a.tar.gz', url, bytes: archive.length, md5: digest('md5', archive) };
    const script = fileURLToPath(new URL('data-child.mjs', import.meta.url));
    const args = [
      script,
      JSON.stringify(tinyFiles),
      JSON.stringify(published),
      'get',
      'cifar10',
      '--cache',
      cache,
    ];

    const child = spawn(process.execPath, args);
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    await expect.poll(() => stderr, { timeout: 20_000, interval: 5 }).toContain('50 %');
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130);
    expect(stderr.split('\n').at(-2)).toBe('cifar10: interrupted. Run `znorm data get cifar10` to go on.');

    const next = spawn(process.execPath, args);
    expect(await new Promise((resolve) => next.once('close', resolve))).toBe(0);
    expect(server.requests[1]).toMatch(/^a\.tar\.gz from \d{6}$/);
    await server.close();
    rmSync(cache, { recursive: true });
  },
);
