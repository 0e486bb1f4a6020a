// Everything a change must pass besides the tests. `npm run check` runs all of it and names what failed.
import { spawnSync } from 'node:child_process';

const packages = ['znorm', 'train', 'lab'];

const checks = [
  ['types', 'tsc -b'],
  ['tests and scripts: types', 'tsc -p tsconfig.tests.json'],
  ['lint and format', 'biome check .'],
  ['unused files, exports and dependencies', 'knip'],
  [
    'imports point down, without circles',
    'depcruise packages --include-only ^packages/[^/]+/(src|dist) --output-type err',
  ],
  ...packages.flatMap((name) => [
    [`${name}: publishable`, `publint packages/${name} --strict`],
    [`${name}: types resolve`, `attw --pack packages/${name} --profile esm-only --format ascii`],
  ]),
  ["README's tables are what records/ says", 'node scripts/records.mjs --check'],
];

const failed = checks.filter(([what, command]) => {
  const words = command.split(' ');
  const [program, ...args] = words[0] === 'node' ? words : ['npx', '--no-install', ...words];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'}  ${what}`);
  if (status !== 0) console.log(`\n$ ${command}\n${stdout}${stderr}`);
  return status !== 0;
});
process.exit(failed.length === 0 ? 0 : 1);
