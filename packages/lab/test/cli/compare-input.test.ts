import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { comparisonsIn } from '../../src/cli/resume.ts';
import { createComparison, readPlan } from '../../src/sweep/comparison-folder.ts';
import { planComparison } from '../../src/sweep/plan.ts';
import { drawnDigits } from '../drawn-digits.ts';

let root: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'znorm-input-'));
  out = join(root, 'out');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

/** `znorm compare …` in this process: what is refused here never starts another. */
async function compare(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  const status = await main(['compare', ...args]);
  vi.restoreAllMocks();
  return { status, ...written };
}

/** Bad input: status 2, the message alone, nothing on standard output. */
const refused = (message: string) => ({ status: 2, stdout: '', stderr: `${message}\n` });

describe('refused before anything is made or fetched:', () => {
  test.each([
    ['--set augment', "compare: expected `--set` to be NAME=VALUE, got 'augment'."],
    ['--set blur=1', "compare: task 'cifar10' has no setting 'blur'. It has augment, normalization."],
    [
      '--set normalization=none,',
      'compare: expected setting `normalization` to be one of usual, batch, layer, group, instance, none, got "none,".',
    ],
    ['--set augment=1', 'compare: expected setting `augment` to be true or false, got 1.'],
    ['--preset fast', "compare: unknown preset 'fast'. Known: smoke, quick, paper."],
    ['--task cifar-1', "compare: unknown task 'cifar-1'. Did you mean 'cifar10'?"],
    ['--model resnet21', "compare: unknown model 'resnet21' for task 'cifar10'. Did you mean 'resnet20'?"],
    ['--metric f1', "compare: unknown metric 'f1' for task 'cifar10'. Known: accuracy, loss."],
    ['--metric acuracy', "compare: unknown metric 'acuracy' for task 'cifar10'. Did you mean 'accuracy'?"],
    ['--methods baseline,znrom', "compare: unknown method 'znrom'. Did you mean 'znorm'?"],
    ['--methods gc,gc', "compare: method 'gc' is named twice. Name each method once."],
    ['--methods gc,', "compare: expected `--methods` to be names separated by commas, got 'gc,'."],
    ['--optimizer adm', "compare: unknown optimizer 'adm'. Did you mean 'adam'?"],
    ['--engine foo', 'compare: expected `--engine` to be native or wasm, got foo.'],
    ['--learning-rate 0', 'compare: expected `--learning-rate` to be a number > 0, got 0.'],
    ['--learning-rate -1', 'compare: expected `--learning-rate` to be a number > 0, got -1.'],
    ['--learning-rate abc', 'compare: expected `--learning-rate` to be a number > 0, got abc.'],
    ['--learning-rate=', 'compare: expected `--learning-rate` to be a number > 0, got nothing.'],
    ['--learning-rates 0.1,abc', 'compare: expected `--learning-rates` to be numbers > 0, got abc.'],
    ['--learning-rates 0.1,,1', 'compare: expected `--learning-rates` to be numbers > 0, got nothing.'],
    ['--learning-rates 0.1,-1', 'compare: expected `--learning-rates` to be numbers > 0, got -1.'],
    ['--learning-rates 1e999', 'compare: expected `--learning-rates` to be numbers > 0, got 1e999.'],
    [
      '--learning-rate 0.1 --learning-rates 0.1,1',
      'compare: expected either `--learning-rate` or `--learning-rates`, got both.',
    ],
    ['--seeds 0', 'compare: expected `--seeds` to be a whole number >= 1, got 0.'],
    ['--seeds 1.5', 'compare: expected `--seeds` to be a whole number >= 1, got 1.5.'],
    ['--seeds x', 'compare: expected `--seeds` to be a whole number >= 1, got x.'],
    ['--epochs 0', 'compare: expected `--epochs` to be a whole number >= 1, got 0.'],
    ['--batch-size 0', 'compare: expected `--batch-size` to be a whole number >= 1, got 0.'],
    ['--jobs 0', 'compare: expected `--jobs` to be a whole number >= 1, got 0.'],
    ['--threads many', 'compare: expected `--threads` to be a whole number >= 1, got many.'],
    [
      '--train-size 50001 --validation-size 1000',
      'compare: expected `--train-size` to be at most 49000 (the 50000 of cifar10 less 1000 held out for validation), got 50001.',
    ],
    [
      '--validation-size 50000',
      'compare: expected `--validation-size` to be at most 49999 (cifar10 has 50000 training images), got 50000.',
    ],
    [
      '--test-size 10001',
      'compare: expected `--test-size` to be at most 10000 (cifar10 has 10000 test images), got 10001.',
    ],
    [
      '--train-size 32 --batch-size 64',
      'compare: expected `--batch-size` to be at most the 32 training images, got 64.',
    ],
    ['--sead 3', "znorm: unknown option '--sead'. Did you mean '--seeds' or '--set'?"],
    ['--seeds', "znorm: option '--seeds <N>' argument missing. See `znorm compare --help`."],
    [
      'znorm',
      "znorm: too many arguments for 'compare'. Expected 0 arguments but got 1. See `znorm compare --help`.",
    ],
    [
      '--methods-file nowhere.yaml',
      "compare: cannot read the methods file 'nowhere.yaml' (ENOENT). Check --methods-file.",
    ],
    [
      '--resume nowhere',
      "compare: expected a comparison to resume in 'nowhere', found none. Leave out --resume to start one.",
    ],
  ])('%s', async (args, message) => {
    const where = args.startsWith('--resume') ? [] : ['--out', out];
    expect(await compare(...where, ...args.split(' '))).toEqual(refused(message));
    expect(readdirSync(root)).toEqual([]);
  });

  test('--json to a file that cannot be written', async () => {
    const nowhere = join(root, 'nowhere', 'result.json');
    expect(await compare('--out', out, '--json', nowhere)).toEqual(
      refused(`compare: cannot write \`--json\` to '${nowhere}' (ENOENT). Choose another file.`),
    );
    expect(await compare('--out', out, '--json', root)).toEqual(
      refused(`compare: cannot write \`--json\` to '${root}' (EISDIR). Choose another file.`),
    );
    expect(readdirSync(root)).toEqual([]);
  });

  test('a methods file with an unknown transformation', async () => {
    const file = join(root, 'methods.yaml');
    writeFileSync(file, 'methods: { mine: [znrom] }');
    expect(await compare('--out', out, '--methods-file', file)).toEqual(
      refused(
        `${file}: in method \`mine\`: fromJSON: unknown transformation \`znrom\` at [0]. Did you mean \`znorm\`?`,
      ),
    );
    expect(readdirSync(root)).toEqual(['methods.yaml']);
  });

  test('--out in a place that is no folder', async () => {
    writeFileSync(out, '');
    expect(await compare('--out', join(out, 'x'))).toEqual(
      refused(`compare: cannot write in '${join(out, 'x')}' (ENOTDIR). Choose another folder with --out.`),
    );
  });

  test('--out that holds a comparison', async () => {
    createComparison(out, await planComparison());
    expect(await compare('--out', out)).toEqual(
      refused(
        `compare: '${out}' already holds a comparison. Go on with \`npx znorm compare --resume ${out}\`, or choose another --out.`,
      ),
    );
  });
});

describe('--resume', () => {
  beforeEach(async () => {
    createComparison(
      out,
      await planComparison({ preset: 'smoke', task: 'mnist', methods: ['baseline', 'znorm'] }),
    );
  });

  test.each([
    ['--preset quick', 'to be smoke', 'got quick'],
    ['--task cifar10', 'to be mnist', 'got cifar10'],
    ['--model mlp', 'to be resnet8', 'got mlp'],
    ['--optimizer sgd', 'to be adam', 'got sgd'],
    ['--learning-rates 0.1,1', 'to be 0.001', 'got 0.1,1'],
    ['--learning-rate 0.1', 'to be 0.001', 'got 0.1'],
    ['--seeds 3', 'to be 2', 'got 3'],
    ['--epochs 3', 'to be 2', 'got 3'],
    ['--batch-size 64', 'to be 32', 'got 64'],
    ['--train-size 64', 'to be 512', 'got 64'],
    ['--validation-size 64', 'to be 256', 'got 64'],
    ['--test-size 64', 'to be 512', 'got 64'],
    [
      '--set augment=false',
      'to be augment=true normalization=usual',
      'got augment=false normalization=usual',
    ],
    ['--no-augment', 'to be augment=true normalization=usual', 'got augment=false normalization=usual'],
    ['--methods znorm', 'to be [{"baseline":[]},{"znorm":["znorm"]}]', 'got [{"znorm":["znorm"]}]'],
  ])('with another %s is refused', async (changed, there, got) => {
    const flag = changed.split(' ')[0].replace(/rate$/, 'rates').replace('--no-augment', '--set');
    expect(await compare('--resume', out, ...changed.split(' '))).toEqual(
      refused(
        `compare: expected \`${flag}\` ${there}, as in '${out}', ${got}. Leave it out to resume, or start anew with another --out.`,
      ),
    );
  });

  test('with what is no option at all is refused in the words of the option', async () => {
    expect(await compare('--resume', out, '--epochs', 'x')).toEqual(
      refused('compare: expected `--epochs` to be a whole number >= 1, got x.'),
    );
  });

  test('and --out together are refused', async () => {
    expect(await compare('--resume', out, '--out', out)).toEqual(
      refused('compare: expected either `--resume` or `--out`, got both. Name the folder: --resume DIR.'),
    );
  });

  test('without a folder takes the comparison in runs/ that was started last, or says that there is none', async () => {
    const here = process.cwd();
    process.chdir(root);
    try {
      expect(await compare('--resume')).toEqual(
        refused(
          'compare: expected a comparison to resume in runs/, found none. Name its folder: --resume DIR.',
        ),
      );
      createComparison(join('runs', 'b'), await planComparison({ epochs: 1 }));
      await new Promise((resolve) => setTimeout(resolve, 20));
      // The last one is the paper's: several networks side by side.
      createComparison(join('runs', 'a', 'resnet20'), await planComparison({ epochs: 2 }));
      mkdirSync(join('runs', 'c'));
      expect((await compare('--resume', '--epochs', '3')).stderr).toContain(
        `to be 2, as in '${join('runs', 'a', 'resnet20')}', got 3.`,
      );
    } finally {
      process.chdir(here);
    }
  });
});

describe('data that is not what it should be', () => {
  const digits = drawnDigits();
  afterAll(digits.remove);
  const labels = join(digits.cache, 'mnist', 'train-labels-idx1-ubyte');
  const whole = readFileSync(labels);
  const args = () => ['--task', 'mnist', '--model', 'mlp', '--out', out, '--cache', digits.cache];

  test('a method about parameters that the network lacks is refused before anything is trained', async () => {
    expect(await compare(...args(), '--methods', 'baseline,znorm-attention')).toEqual(
      refused(
        `compare: method 'znorm-attention' selects none of the parameters of 'mlp' on 'mnist', by {"role":"attention"}. Leave the method out, or choose another model.`,
      ),
    );
    expect(readdirSync(out)).toEqual(['comparison.json']);
  });

  test.each([
    ['a changed byte', () => whole.with(99, 11)],
    ['a lost end', () => whole.subarray(0, 1000)],
  ])('(%s) is told by file, with the next step, and nothing is trained', async (_, damaged) => {
    writeFileSync(labels, damaged());
    expect(await compare(...args())).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'mnist: train-labels-idx1-ubyte does not match its checksum. Delete it and run `znorm data get mnist`.\n',
    });
    expect(readdirSync(out)).toEqual(['comparison.json']);
  });

  test('the paper is one comparison a network, side by side, made before the first is trained', async () => {
    writeFileSync(labels, whole.subarray(0, 1000));
    const { status } = await compare(
      '--preset',
      'paper',
      '--task',
      'mnist',
      '--out',
      out,
      '--cache',
      digits.cache,
    );
    expect(status).toBe(1);
    expect(comparisonsIn(out)).toEqual(
      ['resnet20', 'resnet56', 'resnet110'].map((model) => join(out, model)),
    );
    expect(comparisonsIn(out).map((folder) => readPlan(folder).model)).toEqual([
      'resnet20',
      'resnet56',
      'resnet110',
    ]);
    // All of them are asked, not only the first.
    expect(await compare('--resume', out, '--model', 'resnet20')).toEqual(
      refused(
        `compare: expected \`--model\` to be resnet56, as in '${join(out, 'resnet56')}', got resnet20. Leave it out to resume, or start anew with another --out.`,
      ),
    );
  });

  test('(a folder without it) is told by what is missing', async () => {
    expect(await compare(...args(), '--from', join(root))).toEqual(
      refused(
        `mnist: ${root} does not hold train-images-idx3-ubyte. Name a folder or archive of the official files (http://yann.lecun.com/exdb/mnist/).`,
      ),
    );
  });
});

test('--help fits into 80 columns and teaches presets, methods and examples', async () => {
  const { status, stdout } = await compare('--help');
  expect(status).toBe(0);
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(stdout.match(/^[A-Z].*:$/gm)).toEqual([
    'Options:',
    'Tasks (`znorm tasks` says more of them):',
    'Presets, here of cifar10, which every other option may change:',
    'Methods (`znorm methods` says more of them):',
    'Examples:',
  ]);
});

/** A disk of its own for a test, or the reason why there is none. */
function smallDisk(options: string): { mounted: boolean; reason: string } {
  mkdirSync(out);
  const { status, error, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', out]);
  return { mounted: status === 0, reason: `cannot mount a small disk: ${error ?? stderr}` };
}

test('a read-only --out is refused before anything starts', async ({ skip }) => {
  const { mounted, reason } = smallDisk('size=64k,ro');
  skip(!mounted, reason);
  try {
    expect(await compare('--out', join(out, 'x'))).toEqual(
      refused(`compare: cannot write in '${join(out, 'x')}' (EROFS). Choose another folder with --out.`),
    );
  } finally {
    spawnSync('umount', [out]);
  }
});

test('a full disk is told with the command that goes on', async ({ skip }) => {
  const { mounted, reason } = smallDisk('size=64k');
  skip(!mounted, reason);
  const folder = join(out, 'x');
  try {
    createComparison(folder, await planComparison({ task: 'mnist', model: 'mlp' }));
    expect(() => writeFileSync(join(out, 'filler'), Buffer.alloc(1 << 20))).toThrow('ENOSPC');
    expect(await compare('--resume', folder)).toEqual({
      status: 1,
      stdout: '',
      stderr: `compare: cannot write in '${folder}' (ENOSPC). Free or mend the disk, then \`npx znorm compare --resume ${folder}\`.\n`,
    });
    expect(await compare('--out', join(out, 'y'))).toEqual(
      refused(`compare: cannot write in '${join(out, 'y')}' (ENOSPC). Choose another folder with --out.`),
    );
  } finally {
    spawnSync('umount', [out]);
  }
});
