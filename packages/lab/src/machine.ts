import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
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
  const train = packageJson(createRequire(import.meta.url).resolve('@znorm/train/package.json'));
  return {
    '@znorm/lab': packageJson(fileURLToPath(new URL('../package.json', import.meta.url))).version,
    '@znorm/train': train.version,
    // Pinned exactly, and the native runtime is of the same version.
    onnxruntime: train.dependencies!['onnxruntime-web'],
    node: process.versions.node,
  };
}

/**
 * Commit of the checkout this program runs from, with `+changes` when files differ from it; null when installed, even
 * inside of somebody's checkout.
 */
export function describeCommit(
  file = fileURLToPath(new URL('../package.json', import.meta.url)),
): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', dirname(file), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    git('ls-files', '--error-unmatch', file);
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+changes`;
  } catch {
    return null;
  }
}

function packageJson(file: string): { version: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(file, 'utf8'));
}
