import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeCommit, describeMachine, describeVersions } from '../src/machine.ts';

test('the machine is told by its processor, cores, memory, system and Node', () => {
  const { cpu, cores, memoryGiB, os, node } = describeMachine();
  expect(cpu).not.toBe('');
  expect(cores).toBeGreaterThan(0);
  expect(memoryGiB).toBeGreaterThan(0);
  expect(os).toMatch(/^(linux|darwin|win32) /);
  expect(`v${node}`).toBe(process.version);
});

test('versions are those of the packages that compute', () => {
  const semver = expect.stringMatching(/^\d+\.\d+\.\d+/);
  expect(describeVersions()).toEqual({
    '@znorm/lab': semver,
    '@znorm/train': semver,
    onnxruntime: semver,
    node: process.versions.node,
  });
});

test('a commit is told of a checkout, with its changes, and never of a checkout that only surrounds the program', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'znorm-checkout-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', checkout, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      encoding: 'utf8',
    }).trim();
  try {
    const own = join(checkout, 'package.json');
    const installed = join(checkout, 'node_modules', 'lab', 'package.json');
    mkdirSync(join(checkout, 'node_modules', 'lab'), { recursive: true });
    writeFileSync(own, '{}');
    writeFileSync(installed, '{}');
    expect(describeCommit(own)).toBeNull();
    git('init', '-q');
    git('add', 'package.json');
    git('commit', '-qm', 'one');
    const commit = git('rev-parse', 'HEAD');
    expect(describeCommit(own)).toBe(commit);
    expect(describeCommit(installed)).toBeNull();
    writeFileSync(own, '{ }');
    expect(describeCommit(own)).toBe(`${commit}+changes`);
  } finally {
    rmSync(checkout, { recursive: true });
  }
});
