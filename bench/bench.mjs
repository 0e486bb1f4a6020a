// npm run bench -- <group> [--cases a,b] [--peers torch,tfjs,jax] [--threads N] [--json FILE] [--record]
// Runs bench/<group>.bench.ts. Results go to standard output, one JSON line each: {key, name, value, unit}; what they
// were measured on goes to standard error, and with --json into the file too.
// --record keeps the results of a clean tree in results/<commit>.json, those of several groups in one file.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const folder = fileURLToPath(new URL('.', import.meta.url));
const groups = readdirSync(folder).flatMap((file) => /^(.+)\.bench\.ts$/.exec(file)?.[1] ?? []);

function badInput(message) {
  console.error(message);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        cases: { type: 'string' },
        peers: { type: 'string' },
        threads: { type: 'string' },
        json: { type: 'string' },
        record: { type: 'boolean' },
      },
    });
  } catch (error) {
    return badInput(`bench: ${error.message}`);
  }
}

/** Node 20 runs no TypeScript: the benches are stripped of their types where their imports still resolve. */
function compiled(group) {
  const out = fileURLToPath(new URL('../node_modules/.cache/znorm-bench/', import.meta.url));
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const { outputText } = ts.transpileModule(readFileSync(join(folder, file), 'utf8'), {
      compilerOptions: { target: 'es2023', module: 'esnext', rewriteRelativeImportExtensions: true },
      fileName: join(out, file),
    });
    writeFileSync(join(out, `${basename(file, '.ts')}.js`), outputText);
  }
  return pathToFileURL(join(out, `${group}.bench.js`)).href;
}

function git(...command) {
  return execFileSync('git', command, { cwd: folder, encoding: 'utf8' }).trim();
}

/** Adds this run to those of the same commit; what was measured again takes the place of what was. */
function record() {
  const recordFolder = join(folder, 'results');
  const file = join(recordFolder, `${context.commit}.json`);
  mkdirSync(recordFolder, { recursive: true });
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { contexts: {}, results: [] };
  const { group: name, ...rest } = context;
  const kept = before.results.filter(({ key }) => !results.some((result) => result.key === key));
  const contexts = { ...before.contexts, [name]: { ...before.contexts[name], ...rest } };
  const all = { contexts, results: [...kept, ...results] };
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  report(`recorded in bench/results/${context.commit}.json`);
}

const { values, positionals } = readArguments();
const [group] = positionals;
if (positionals.length !== 1 || !groups.includes(group)) {
  badInput(`bench: expected one group of ${groups.join(', ')}, got ${positionals.join(' ') || 'none'}.`);
}
const threads = Number(values.threads ?? 2);
if (!Number.isInteger(threads) || threads < 1) {
  badInput(`bench: expected --threads to be a whole number >= 1, got ${values.threads}.`);
}

const context = {
  group,
  cpu: cpus()[0].model,
  cores: availableParallelism(),
  threads,
  node: process.versions.node,
  commit: git('rev-parse', '--short=12', 'HEAD'),
  clean: git('status', '--porcelain', '--untracked-files=no') === '',
};
if (values.record && !context.clean) {
  badInput('bench: expected --record in a clean tree, got one with changes. Commit them first.');
}
const report = (line) => console.error(line);
report(
  `${context.cpu}, ${context.cores} cores, ${threads} threads · Node ${context.node} · ${context.commit}${context.clean ? '' : ' and changes'}`,
);

const { run } = await import(compiled(group));
const results = [];
const cases = values.cases?.split(',');
const peers = values.peers?.split(',');
try {
  for await (const result of run({
    threads,
    cases,
    peers,
    peersFolder: join(folder, 'peers'),
    report,
    context,
  })) {
    results.push(result);
    console.log(JSON.stringify(result));
  }
} catch (error) {
  if (error instanceof RangeError) badInput(error.message);
  throw error;
}
if (values.record) record();
if (values.json) writeFileSync(values.json, `${JSON.stringify({ context, results }, null, 2)}\n`);
