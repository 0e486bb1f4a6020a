import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { debianData } from '../../src/datasets/debian-package.ts';
import { temporaryFolder } from './tiny-cifar10.ts';

let folder: string;
let workspace: string;
const path = process.env.PATH;

beforeEach(() => {
  folder = temporaryFolder();
  workspace = join(folder, 'workspace');
  mkdirSync(workspace);
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

/** Puts a shell script in the place of a program. */
function standIn(program: string, script: string): void {
  writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, program), 0o755);
  process.env.PATH = `${folder}${delimiter}${path}`;
}

const fetchData = () =>
  debianData('dataset-tiny', 'znorm-tiny', { workspace, signal: undefined, onProgress() {} });

// Skipped on Windows: there are no shell scripts, and no apt.
const posix = test.skipIf(process.platform === 'win32');

posix('apt downloads the package, and its data is unpacked beside it', async () => {
  standIn('apt-get', '[ "$*" = "download dataset-tiny" ] && touch dataset-tiny_1.0_all.deb');
  standIn('dpkg-deb', '[ "$*" = "--extract dataset-tiny_1.0_all.deb debian" ]');
  expect(await fetchData()).toBe(join(workspace, 'debian/usr/share/datasets/znorm-tiny'));
});

posix('what apt says is passed on', async () => {
  standIn('apt-get', 'echo "E: Unable to locate package dataset-tiny" >&2; exit 100');
  await expect(fetchData()).rejects.toMatchObject({
    code: 'failed',
    message: '`apt-get download dataset-tiny` failed (Unable to locate package dataset-tiny)',
  });
});

posix('a package that does not unpack is reported', async () => {
  standIn('apt-get', 'touch dataset-tiny_1.0_all.deb');
  standIn('dpkg-deb', 'echo "dpkg-deb: error: not a Debian format archive" >&2; exit 2');
  await expect(fetchData()).rejects.toMatchObject({
    message:
      '`dpkg-deb --extract dataset-tiny_1.0_all.deb` failed (dpkg-deb: error: not a Debian format archive)',
  });
});

posix('where there is no apt, that is said', async () => {
  process.env.PATH = folder;
  await expect(fetchData()).rejects.toMatchObject({ code: 'failed', message: '`apt-get` is not installed' });
});
