import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { fetchProgress } from '../../src/cli/fetch-progress.ts';
import { byteSize } from '../../src/datasets/byte-size.ts';
import type { FetchProgress } from '../../src/datasets/source.ts';

const dataset = 'cifar10';
const task = (done: number, total = 170_052_171): FetchProgress => ({
  dataset,
  kind: 'task',
  task: 'downloading cifar-10-binary.tar.gz',
  done,
  total,
  unit: 'bytes',
});
const files = (done: number): FetchProgress => ({
  dataset,
  kind: 'task',
  task: 'unpacking and checking',
  done,
  total: 6,
  unit: 'files',
});
const note: FetchProgress = { dataset, kind: 'note', text: 'trying another.' };

/** A stream that a display writes on, and what it wrote. */
function paper(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 80,
    rows: 24,
    cursorTo() {},
    clearLine() {},
  });
  return { stream: stream as unknown as NodeJS.WriteStream, read: () => String(stream.read() ?? '') };
}

test('elsewhere than in a terminal, a task is a line at its start and at each quarter', () => {
  const { stream, read } = paper(false);
  const { onProgress, stop } = fetchProgress(stream);
  for (let done = 0; done <= 100; done += 5) onProgress(task(done * 1_700_000, 170_000_000));
  onProgress(note);
  for (let done = 0; done <= 6; done++) onProgress(files(done));
  stop();
  expect(read().split('\n')).toEqual([
    'cifar10: downloading cifar-10-binary.tar.gz (170 MB)',
    'cifar10: downloading cifar-10-binary.tar.gz, 25 %',
    'cifar10: downloading cifar-10-binary.tar.gz, 50 %',
    'cifar10: downloading cifar-10-binary.tar.gz, 75 %',
    'cifar10: trying another.',
    'cifar10: unpacking and checking (6 files)',
    '',
  ]);
});

test('in a terminal, a bar shows task, share and amount; notes stand on lines of their own', () => {
  const { stream, read } = paper(true);
  const { onProgress, stop } = fetchProgress(stream);
  onProgress(task(0));
  onProgress(task(76_000_000));
  onProgress(note);
  onProgress(files(2));
  stop();
  stop();
  const written = read();
  expect(written).toContain('cifar10: downloading cifar-10-binary.tar.gz  ████░░░░ 44%  76 of 170 MB');
  expect(written).toContain('cifar10: trying another.\n');
  expect(written).toContain('cifar10: unpacking and checking  ███░░░░░ 33%');
});

test('sizes are in powers of ten with the digits that matter', () => {
  const sizes = [0, 999, 1000, 9_949, 9_950, 999_499, 999_500, 170_052_171, 1.5e9, 2e12, 1e18];
  expect(sizes.map(byteSize)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '9.9 kB',
    '10 kB',
    '999 kB',
    '1.0 MB',
    '170 MB',
    '1.5 GB',
    '2.0 TB',
    '1000000 TB',
  ]);
});
