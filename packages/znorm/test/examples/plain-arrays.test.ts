import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../../examples/plain-arrays/main.mjs', import.meta.url));

it('the example on plain arrays finds the parabola that its points lie on', () => {
  expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe('1.00 -3.00 2.00\n');
});
