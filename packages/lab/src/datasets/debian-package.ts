import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../expected-error.ts';
import { runProgram } from './run-program.ts';
import type { SourceContext } from './source.ts';

/**
 * The folder of a Debian package's data: `/usr/share/datasets/<folder>` where the package is installed, else the same
 * folder out of a copy that apt downloads into the workspace. Installs nothing and needs no rights; apt checks the
 * download against the distribution's signed lists.
 *
 * @throws an expected error where there is no apt, or apt does not have the package
 */
export async function debianData(
  debianPackage: string,
  folder: string,
  context: SourceContext,
): Promise<string> {
  const installed = join('/usr/share/datasets', folder);
  if (existsSync(installed)) return installed;
  const { workspace, signal, onProgress } = context;
  const report = (done: number) =>
    onProgress({
      kind: 'task',
      task: `fetching Debian package ${debianPackage}`,
      done,
      total: 1,
      unit: 'files',
    });
  report(0);
  const options = { cwd: workspace, signal };
  const download = await runProgram('apt-get', ['download', debianPackage], options);
  if (download.status !== 0) {
    const reason = /^E: (.*?)\.?$/m.exec(download.stderr)?.[1] ?? 'apt does not say why';
    throw failure(`\`apt-get download ${debianPackage}\` failed (${reason})`);
  }
  const deb = (await readdir(workspace)).find((name) => name.endsWith('.deb'));
  if (deb === undefined) throw failure(`\`apt-get download ${debianPackage}\` left no package`);
  const unpacked = await runProgram('dpkg-deb', ['--extract', deb, 'debian'], options);
  if (unpacked.status !== 0)
    throw failure(`\`dpkg-deb --extract ${deb}\` failed (${unpacked.stderr.trim()})`);
  report(1);
  return join(workspace, 'debian', installed);
}
