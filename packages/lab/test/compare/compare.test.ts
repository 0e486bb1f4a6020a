import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ComparisonResult } from '../../src/comparison.ts';
import { lastEvent, type RunEvent, readEvents } from '../../src/run/events.ts';
import { plannedRuns, readPlan } from '../../src/sweep/comparison-folder.ts';
import { drawnDigits } from '../drawn-digits.ts';
import { isAlive, runProcessesOf, until } from '../processes.ts';
import { type Ended, killAfterTest, startZnorm } from '../znorm-command.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);

const sizes =
  '--task mnist --model mlp --train-size 120 --validation-size 60 --test-size 50 --batch-size 20 --epochs 2';
const whole = `compare ${sizes} --methods baseline,by-layer --methods-file methods.yaml --learning-rates 0.01,0.0001 --seeds 2 --out out`;

/** A folder to work in, with a methods file. */
function workingFolder(name: string): string {
  const cwd = join(root, name);
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'methods.yaml'), 'methods: { by-layer: [{ znorm: { scope: layer } }] }');
  return cwd;
}

function start(cwd: string, command: string) {
  const started = startZnorm(command.split(' '), { cwd, cache });
  killAfterTest(started.child);
  return started;
}

async function znorm(cwd: string, command: string): Promise<Ended> {
  return start(cwd, command).ended;
}

function resultIn(folder: string): ComparisonResult {
  return JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'));
}

/** The result less what the clock has to say. */
function timeless(result: ComparisonResult): unknown {
  return JSON.parse(JSON.stringify(result, (key, value) => (key === 'stepMs' ? undefined : value)));
}

function runsIn(folder: string) {
  return plannedRuns(readPlan(folder), folder).map(({ config, files }) => ({
    ...config,
    files,
    events: readEvents(files.events),
  }));
}

const eventsOf = (events: readonly RunEvent[], type: RunEvent['type']) =>
  events.filter((event) => event.type === type);

test('with tuning seeds, the other seeds are trained at the chosen rates alone', async () => {
  const cwd = workingFolder('tuned');
  const { stderr, status } = await znorm(cwd, `${whole} --tuning-seeds 1`);
  expect(status).toBe(0);
  expect(stderr).toContain('\n6 runs, ');
  const { methods, command } = resultIn(join(cwd, 'out'));
  expect(command).toContain(' --seeds 2 --tuning-seeds 1 ');
  for (const { name, learningRate, seeds } of methods) {
    expect(seeds.map(({ seed }) => seed)).toEqual([0, 1]);
    const own = runsIn(join(cwd, 'out')).filter(({ method }) => method === name);
    const trained = own.filter(({ events }) => lastEvent(events, 'finish'));
    expect(trained.map((run) => [run.seed, run.learningRate])).toEqual([
      [0, 0.01],
      [0, 0.0001],
      [1, learningRate],
    ]);
  }
});

describe('a comparison', () => {
  let cwd: string;
  let ended: Ended;
  let result: ComparisonResult;

  beforeAll(async () => {
    cwd = workingFolder('whole');
    const { ended: end } = startZnorm([...whole.split(' '), '--json'], { cwd, cache });
    ended = await end;
    result = resultIn(join(cwd, 'out'));
  }, 60_000);

  test('prints JSON alone on standard output, the same as result.json, with the keys that are promised', () => {
    expect(ended.status).toBe(0);
    const printed: ComparisonResult = JSON.parse(ended.stdout);
    expect(printed).toEqual(result);
    expect(printed).toMatchObject({
      task: 'mnist',
      model: 'mlp',
      preset: 'quick',
      data: { name: 'mnist', sha1: { 'train-labels-idx1-ubyte': expect.stringMatching(/^[0-9a-f]{40}$/) } },
      versions: { '@znorm/lab': expect.any(String), onnxruntime: expect.any(String) },
    });
    expect(printed).toHaveProperty('commit');
    for (const method of printed.methods) {
      expect(Object.keys(method)).toEqual(
        expect.arrayContaining([
          'name',
          'chain',
          'learningRate',
          'seeds',
          'mean',
          'ci95',
          'differenceToBaseline',
        ]),
      );
      expect(method.seeds.map(({ seed }) => seed)).toEqual([0, 1]);
      for (const seed of method.seeds) {
        expect(seed).toEqual({
          seed: expect.any(Number),
          initHash: expect.stringMatching(/^[0-9a-f]+$/),
          batchHash: expect.stringMatching(/^[0-9a-f]+$/),
          weightsHash: expect.stringMatching(/^[0-9a-f]+$/),
          test: { accuracy: expect.any(Number), loss: expect.any(Number) },
          validation: { accuracy: expect.any(Number), loss: expect.any(Number) },
          history: expect.any(Array),
          stepMs: expect.any(Number),
          degenerateSteps: 0,
        });
        expect(seed.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6].map((sixth) => sixth / 3));
      }
    }
    expect(printed.methods[1].differenceToBaseline).toMatchObject({
      pairs: 2,
      p: null,
      note: 'too few seeds',
    });
  });

  test('learns: every method ends well above chance, which is 10 %', () => {
    for (const { mean } of result.methods) expect(mean).toBeGreaterThan(0.3);
  });

  test("shows the chain of a method of one's own, and the optimizer's after it", () => {
    const adam = { adam: { learningRate: { cosine: { from: 0.01, steps: 12 } } } };
    expect(result.methods.map(({ chain }) => chain)).toEqual([[adam], [{ znorm: { scope: 'layer' } }, adam]]);
  });

  test('is paired: for each seed all runs start from the same weights and see the same batches', () => {
    expect(result.pairing).toEqual({ sameInitialWeights: true, sameBatches: true });
    for (const seed of [0, 1]) {
      const own = runsIn(join(cwd, 'out')).filter((run) => run.seed === seed);
      expect(own).toHaveLength(4);
      expect(new Set(own.map(({ events }) => lastEvent(events, 'start')!.initHash)).size).toBe(1);
      expect(new Set(own.map(({ events }) => lastEvent(events, 'finish')!.batchHash)).size).toBe(1);
      expect(new Set(own.map(({ events }) => lastEvent(events, 'finish')!.weightsHash)).size).toBe(4);
    }
    const [a, b] = result.methods[0].seeds;
    expect(a.initHash).not.toBe(b.initHash);
    expect(a.batchHash).not.toBe(b.batchHash);
  });

  test('tunes every method over the same rates, and reads the test images once, at the chosen one', () => {
    for (const { tuning } of result.methods) {
      expect(tuning.map(({ learningRate }) => learningRate)).toEqual([0.01, 0.0001]);
    }
    for (const { name, learningRate, tuning } of result.methods) {
      const best = tuning.toSorted((x, y) => y.validation! - x.validation!)[0];
      expect(learningRate).toBe(best.learningRate);
      for (const run of runsIn(join(cwd, 'out')).filter(({ method }) => method === name)) {
        expect(eventsOf(run.events, 'test')).toHaveLength(run.learningRate === learningRate ? 1 : 0);
      }
    }
  });

  test('tells of its progress on standard error in plain lines', () => {
    expect(ended.stderr).not.toMatch(/[^\x20-\x7e\n]/);
    const lines = ended.stderr.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual([
      'baseline, by-layer on mnist with mlp',
      expect.stringMatching(/^8 runs, \d+ at a time, 2 epochs of 120 images each$/),
    ]);
    const told = lines.slice(2);
    expect(told).toHaveLength(8 + 4);
    for (const line of told.slice(0, 8)) {
      expect(line).toMatch(
        /^ *\d+ % {2}(baseline|by-layer) (0.01|0.0001) seed [01] +trained: validation accuracy \d+\.\d %, \d+ ms a step$/,
      );
    }
    for (const line of told.slice(8)) {
      expect(line).toMatch(/^ *\d+ % {2}(baseline|by-layer) 0.0\d* seed [01] +tested: accuracy \d+\.\d %$/);
    }
    expect(told.at(-1)).toMatch(/^100 %/);
    const percentages = told.map((line) => Number.parseInt(line, 10));
    expect(percentages).toEqual(percentages.toSorted((x, y) => x - y));
  });

  test('leaves a report that needs nothing else, and no trace of its work', () => {
    expect(readFileSync(join(cwd, 'out', 'report.html'), 'utf8')).toMatch(/^<!doctype html>/);
    expect(readdirSync(join(cwd, 'out')).sort()).toEqual([
      'comparison.json',
      'method-baseline',
      'method-by-layer',
      'methods.json',
      'report.html',
      'result.json',
    ]);
  });

  test('asked for again, is told at once from its record, and no run is repeated', async () => {
    const before = runsIn(join(cwd, 'out')).map(({ files }) => statSync(files.events).mtimeMs);
    const again = await znorm(cwd, 'compare --resume out --json again.json');
    expect(again.status).toBe(0);
    expect(runsIn(join(cwd, 'out')).map(({ files }) => statSync(files.events).mtimeMs)).toEqual(before);
    expect(JSON.parse(readFileSync(join(cwd, 'again.json'), 'utf8'))).toEqual(result);
    // With a file for the JSON, a person still gets the table.
    expect(again.stdout).toMatch(/^\s*method +/m);
    expect(again.stdout).toContain('\nReport   out/report.html\nRuns     out\nRepeat   npx znorm compare ');
  });

  test('is repeated bit for bit by the command that it tells', async () => {
    const words = result.command.split(' ').slice(2);
    const repeated = await znorm(
      cwd,
      [...words, '--out', 'repeated', '--jobs', '1', '--threads', '2'].join(' '),
    );
    expect(repeated.status).toBe(0);
    const { config, command, ...same } = resultIn(join(cwd, 'repeated'));
    expect(
      timeless({
        ...same,
        config: { ...config, jobs: result.config.jobs, threads: result.config.threads },
        command: result.command,
      }),
    ).toEqual(timeless(result));
  });

  test('stopped by Ctrl-C and by kill -9 and gone on with, ends as if it had never stopped', async () => {
    const elsewhere = workingFolder('interrupted');
    const out = join(elsewhere, 'out');
    const interrupted = start(elsewhere, `${whole} --jobs 2`);
    await until(() => interrupted.output().includes('seed 0'));
    const children = runProcessesOf(interrupted.child.pid!);
    interrupted.child.kill('SIGINT');
    expect(await interrupted.ended).toMatchObject({
      status: 130,
      stdout: '',
      stderr: expect.stringMatching(
        /\ncompare: interrupted\. Go on with `npx znorm compare --resume out --jobs 2`\.\n$/,
      ),
    });
    expect(children.map(isAlive)).not.toContain(true);
    expect(existsSync(join(out, 'lock'))).toBe(false);
    const done = runsIn(out).filter(({ events }) => lastEvent(events, 'finish'));
    expect(done.length).toBeGreaterThan(0);
    expect(done.length).toBeLessThan(8);
    const contents = done.map(({ files }) => readFileSync(files.events, 'utf8'));

    const killed = start(elsewhere, 'compare --resume out --jobs 2');
    await until(() => /\n.*seed 0.*trained/.test(killed.output()));
    const orphans = runProcessesOf(killed.child.pid!);
    killed.child.kill('SIGKILL');
    await killed.ended;
    await until(() => !orphans.some(isAlive));

    const resumed = await znorm(elsewhere, 'compare --resume out --jobs 2');
    expect(resumed.status).toBe(0);
    expect(resumed.stderr).toMatch(
      /^baseline, by-layer on mnist with mlp\n[1-6] of 8 runs left, 2 at a time/,
    );
    expect(timeless(resultIn(out))).toEqual(timeless({ ...result, config: { ...result.config, jobs: 2 } }));
    // What was done before the first interruption was only added to, by its test.
    done.forEach(({ files }, i) => {
      expect(readFileSync(files.events, 'utf8').startsWith(contents[i])).toBe(true);
      expect(eventsOf(readEvents(files.events), 'start')).toHaveLength(1);
      expect(readFileSync(files.events, 'utf8')).not.toContain('"resume"');
    });
  });
});

test('a run that diverges fails alone: named by step and tensor, left out, and the status says so', async () => {
  const cwd = workingFolder('diverging');
  const command = `compare ${sizes} --methods baseline,znorm --optimizer momentum --learning-rate 1e30 --seeds 1 --out out`;
  const { status, stdout, stderr } = await znorm(cwd, command);
  expect(status).toBe(1);
  expect(stderr).toMatch(/\n *\d+ % {2}znorm seed 0 +failed: .*step 1: expected .*got NaN/);
  expect(stdout).toContain('failed');
  const { failures, methods } = resultIn(join(cwd, 'out'));
  expect(failures).toEqual(
    ['baseline', 'znorm'].map((method) => ({
      method,
      seed: 0,
      learningRate: 1e30,
      step: 1,
      tensor: 'hidden0/kernel',
      message:
        "step 1: expected finite gradients, got NaN at 'hidden0/kernel' (loss NaN). Lower the learning rate, clip gradients, or start the chain with nonfinite().",
    })),
  );
  expect(methods.map(({ mean, seeds }) => [mean, seeds])).toEqual([
    [null, []],
    [null, []],
  ]);
  // A failure would only repeat itself.
  expect((await znorm(cwd, 'compare --resume out --json')).status).toBe(1);
  for (const { files } of runsIn(join(cwd, 'out'))) {
    expect(readFileSync(files.events, 'utf8').match(/"start"/g)).toHaveLength(1);
  }
});

test('a run whose process dies is lost alone, and the next call tries it again', async () => {
  const cwd = workingFolder('dying');
  const command = `compare ${sizes.replace('epochs 2', 'epochs 20')} --methods baseline,znorm --seeds 1 --out out --jobs 2`;
  const dying = start(cwd, command);
  // The first is prepared before the command plans; with the second, both are at work.
  await until(() => runProcessesOf(dying.child.pid!).length > 1);
  process.kill(runProcessesOf(dying.child.pid!)[0], 'SIGKILL');
  const { status, stdout, stderr } = await dying.ended;
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /seed 0 +crashed: its process ended with SIGKILL \(the system may have run out of memory\)\.\n/,
  );
  expect(stdout).toMatch(
    /\nRetry {4}npx znorm compare --resume out --jobs 2 {2}# 1 run whose process died\n$/,
  );
  const { failures, methods } = resultIn(join(cwd, 'out'));
  expect(failures).toMatchObject([
    {
      seed: 0,
      step: null,
      tensor: null,
      message: 'its process ended with SIGKILL (the system may have run out of memory).',
    },
  ]);
  expect(methods.map(({ seeds }) => seeds.length).sort()).toEqual([0, 1]);

  expect((await znorm(cwd, 'compare --resume out')).status).toBe(0);
  const mended = resultIn(join(cwd, 'out'));
  expect(mended.failures).toEqual([]);
  expect(mended.methods.map(({ seeds }) => seeds.length)).toEqual([1, 1]);
});
