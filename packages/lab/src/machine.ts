import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ComparisonResult } from './comparison.ts';

/** The machine a comparison ran on, for its record. */
export function describeMachine(): ComparisonResult['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    node: process.versions.node,
  };
}

/** Versions of what computed the numbers. */
export function describeVersions(): Record<string, string> {
  const lab = packageJson('../package.json');
  const train = packageJson('../../train/package.json');
  return {
    '@znorm/lab': lab.version,
    onnxruntime: train.dependencies?.['onnxruntime-web'] ?? 'unknown',
    node: process.versions.node,
  };
}

/** Commit of the checkout this program runs from, with `+changes` when files differ from it; null when installed. */
export function describeCommit(): string | null {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', here, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+changes`;
  } catch {
    return null;
  }
}

function packageJson(path: string): { version: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}
