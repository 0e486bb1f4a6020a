import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

describe('the package', () => {
  it('has no run-time dependencies and no side effects, so that bundlers may drop what is not used', () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.sideEffects).toBe(false);
  });

  it('imports nothing but its own files', async () => {
    const { imports, code } = await bundled("export * from './src/index.ts'");
    expect(imports).toEqual([]);
    expect(code).not.toMatch(/\b(?:require|import)\(/);
  });

  it('runs in a browser: it names nothing that only Node has', async () => {
    const { code } = await bundled("export * from './src/index.ts'");
    expect(code).not.toMatch(/\b(?:process|Buffer|__dirname|node:)\b/);
  });
});

describe('znorm/tfjs', () => {
  it('imports TensorFlow.js, which is an optional peer, and nothing else', async () => {
    const { imports, code } = await bundled("export * from './src/tfjs/index.ts'");
    expect(imports).toEqual(['@tensorflow/tfjs-core']);
    expect(code).not.toMatch(/\b(?:process|Buffer|__dirname|node:)\b/);
    expect(manifest.peerDependenciesMeta['@tensorflow/tfjs-core']).toEqual({ optional: true });
    // All transformations by name, for models that are loaded with their optimizer, and the kernel.
    expect(gzipSync(code).length / 1024).toBeLessThan(50);
  });
});

describe('a bundle', () => {
  it.each([
    // Statistics in every scope and mode are half of it.
    ["export { znorm } from './src/index.ts'", 3],
    // What the first example of the README imports: the runner and the array backend besides.
    ["export { adam, applyUpdates, chain, init, tensor, update, znorm } from './src/index.ts'", 7.5],
    // The promise of the project: chain, znorm and adamw together.
    ["export { adamw, chain, znorm } from './src/index.ts'", 4.5],
    ["export * from './src/index.ts'", 24],
  ])('of %s stays below %d KB gzipped', async (entry, kilobytes) => {
    const { code } = await bundled(entry);
    expect(gzipSync(code).length / 1024).toBeLessThan(kilobytes);
  });

  it('of everything carries no kernel and no adapter: those are entrances of their own', async () => {
    const { modules, code } = await bundled("export * from './src/index.ts'");
    expect(modules.filter((path) => /^(fused|tfjs|jax|onnx)\//.test(path))).toEqual([]);
    expect(code).not.toMatch(/WebAssembly|tfjs-core|jax-js/);
  });

  it('with znorm alone carries no optimizer, no backend, no schedule and no table of names', async () => {
    const { modules } = await bundled("export { znorm } from './src/index.ts'");
    expect(modules).toEqual([
      'option-checks.ts',
      'parameters.ts',
      'transformation.ts',
      'transforms/hypot.ts',
      'transforms/statistics.ts',
      'transforms/znorm.ts',
    ]);
  });
});

/** What a bundler makes of an entry: minified code, the source files of which something is left, and outside imports. */
async function bundled(entry: string) {
  const bundle = await rolldown({
    input: 'entry',
    cwd: root,
    external: /^@tensorflow\//,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === 'entry' ? `${root}entry.ts` : undefined),
        load: (id) => (id === `${root}entry.ts` ? entry : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  const [chunk] = output;
  const modules = Object.entries(chunk.modules)
    .filter(([, { renderedLength }]) => renderedLength > 0)
    .map(([path]) => path.replace(`${root}src/`, ''))
    .sort();
  return { code: chunk.code, imports: chunk.imports, modules };
}
