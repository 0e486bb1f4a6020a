// Records of comparisons, and the README's tables of them.
//
//     npm run records                       writes the tables of README.md from the results in records/
//     npm run records -- --check            exits 1 if they are not what the records say
//     npm run records -- add FOLDER NAME    keeps a finished comparison as records/NAME, to be told of in its README.md
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { evidenceTable, recipeTable, reportMarkdown } from '@znorm/lab';

const readme = 'README.md';
const [action, folder, name] = process.argv.slice(2);
if (action === 'add') add(folder, name);
else write(action === '--check');

function write(checkOnly) {
  const records = readdirSync('records', { recursive: true })
    .filter((file) => extname(file) === '.json')
    .sort()
    .map((file) => join('records', file))
    .map((file) => ({ href: dirname(file), result: JSON.parse(readFileSync(file, 'utf8')) }))
    // The first record has no format, and does not say what its metric was; its README does.
    .filter(({ result }) => result.format?.startsWith('znorm-comparison/'));
  const before = readFileSync(readme, 'utf8');
  const after = filled(
    filled(before, 'comparisons', evidenceTable(records)),
    'recipes',
    recipeTable(records),
  );
  if (after === before) return;
  if (checkOnly) {
    console.error('README.md: its tables are not what records/ says. Run `npm run records`.');
    process.exit(1);
  }
  replace(readme, after);
}

/** Puts a table between `<!-- records: NAME -->` and `<!-- end -->`. */
function filled(text, what, table) {
  const [start, end] = [`<!-- records: ${what} -->\n`, '\n<!-- end -->'];
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0)
    throw new Error(`README.md: expected ${start.trim()} and ${end.trim()}, found none.`);
  return `${text.slice(0, from + start.length)}\n${table}\n${text.slice(to)}`;
}

function add(from, to) {
  const target = join('records', to);
  mkdirSync(target, { recursive: true });
  const result = JSON.parse(readFileSync(join(from, 'result.json'), 'utf8'));
  for (const file of ['result.json', 'methods.json']) {
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(target, file));
  }
  // What networks made of samples shows the samples, which are the data set's and not ours to hand on.
  const withReport = !readFileSync(join(from, 'report.html'), 'utf8').includes('What the networks made');
  if (withReport) copyFileSync(join(from, 'report.html'), join(target, 'report.html'));
  const { cpu, cores, memoryGiB, os, node } = result.machine;
  const at = `Commit ${result.commit?.slice(0, 7)}; ${cores} cores of ${cpu}, ${memoryGiB} GiB, ${os}, Node ${node}, onnxruntime ${result.versions.onnxruntime}.`;
  const pictures = withReport
    ? '; `report.html` the pictures.'
    : '. The report shows samples of the data, so it is not kept; the command makes it again.';
  const said = `\`result.json\` holds every seed with its hashes, history and times${pictures}`;
  replace(join(target, 'README.md'), `${reportMarkdown(result)}\n${said}\n\n${at}\n`);
}

function replace(file, text) {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}
