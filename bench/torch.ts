import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchOptions } from './interleave.ts';
import { startPeer } from './peer.ts';

/** The first Python that has PyTorch: the one named by ZNORM_PYTHON, Debian's, the one on the path. */
async function pythonWithTorch(): Promise<{ python: string; version: string } | undefined> {
  for (const python of [process.env.ZNORM_PYTHON, '/usr/bin/python3', 'python3']) {
    if (!python) continue;
    try {
      const { stdout } = await promisify(execFile)(python, ['-c', 'import torch; print(torch.__version__)']);
      return { python, version: stdout.trim() };
    } catch {
      // Not there, or without PyTorch: the next one.
    }
  }
  return undefined;
}

/** Finds PyTorch if it is wanted; says so if it is not there. */
export async function findTorch({ peers, report, context }: BenchOptions): Promise<string | undefined> {
  if (peers && !peers.includes('torch')) return undefined;
  const found = await pythonWithTorch();
  if (found) {
    context.torch = found.version;
    report(`PyTorch ${found.version}`);
    return found.python;
  }
  const advice = 'Install it (Debian: apt-get install python3-torch), or set ZNORM_PYTHON.';
  if (peers) throw new Error(`bench: expected a Python with PyTorch for --peers torch, got none. ${advice}`);
  report(`No PyTorch here: only our own figures. ${advice}`);
  return undefined;
}

/**
 * What makes PyTorch fastest: a passive wait policy (an active one loses tenfold once anything else runs), threads
 * bound to cores, and OpenBLAS told about AVX-512, which Debian's build does not find on newer processors.
 */
async function bestSettings(): Promise<Record<string, string>> {
  const settings = { OMP_WAIT_POLICY: 'passive', OMP_PROC_BIND: 'true' };
  const processor = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  return processor.includes('avx512f') ? { ...settings, OPENBLAS_CORETYPE: 'SKYLAKEX' } : settings;
}

/** PyTorch in a process of its own, at its best settings, running a script of `peers/`. */
export async function startTorch(
  python: string,
  script: string,
  args: readonly string[],
  { peersFolder }: BenchOptions,
): ReturnType<typeof startPeer> {
  return startPeer('torch', [python, join(peersFolder, script), ...args], await bestSettings());
}
