import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  allocateUpdate,
  createFusedUpdate,
  planFused,
  type UpdateMemory,
  usefulThreads,
} from '../../src/fused/index.ts';
import { scratchRecord } from '../../src/fused/records.ts';
import { writeTables } from '../../src/fused/tables.ts';
import {
  adam,
  chain,
  clipByValue,
  describeParameter,
  fromJSON,
  type GradientTransformation,
  init,
  type ParameterInfo,
  trace,
  znorm,
} from '../../src/index.ts';
import { gradientParts, optimizerParts } from './chains.ts';
import { oddParameters, randomNumbers, randomTensors } from './random-gradients.ts';

afterEach(() => void vi.restoreAllMocks());

/** Small ones, those that are measured while others are updated, and those that are cut: by unit and within one. */
const parameters: readonly ParameterInfo[] = [
  ...oddParameters,
  describeParameter('large/kernel', [300_001]),
  describeParameter('larger/kernel', [262_144]),
  describeParameter('rows/kernel', [3, 70_001]),
  describeParameter('rows/bias', [3]),
  describeParameter('short rows/kernel', [701, 203]),
  describeParameter('piece/kernel', [65_537]),
];
const random = randomNumbers(1);
const initial = randomTensors(parameters, random);
const gradients = [0, 1, 2].map(() =>
  randomTensors(parameters, random, (x, i) => (x + 0.1 * i) * 2 ** (i % 5)),
);

/** Some steps on so many threads. */
async function train(transformation: GradientTransformation, threads: number, steps = gradients.length) {
  const plan = planFused(transformation, parameters);
  const memory = allocateUpdate(plan, { threads });
  for (const { path } of parameters) memory.parameters[path].set(initial[path].data);
  const update = await createFusedUpdate(plan, memory, { threads });
  const infos = Object.fromEntries(parameters.map((info) => [info.path, info]));
  let state = update.adopt(init(transformation, initial, infos));
  const step = (index: number) => {
    for (const { path } of parameters)
      memory.gradients[path].set(gradients[index % gradients.length][path].data);
    ({ state } = update.step(state));
  };
  for (let index = 0; index < steps; index++) step(index);
  return {
    update,
    memory,
    step,
    /** Every tensor that training changes, byte for byte. */
    bytes: () => [
      ...parameters.map(({ path }) => [path, bytesOf(memory.parameters[path])] as const),
      ...Object.entries(state.slots).flatMap(([path, own]) =>
        Object.entries(own).map(([slot, { data }]) => [`${path}/${slot}`, bytesOf(data)] as const),
      ),
    ],
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength));
}

describe('two and three threads give the bits of one', () => {
  const optimizers = Object.entries(optimizerParts);
  const pairs = Object.entries(gradientParts).map(([name, part], i) => {
    const [optimizer, rest] = optimizers[i % optimizers.length];
    return [`${name}, ${optimizer}`, fromJSON([...part, ...rest])] as const;
  });

  test.each(pairs)('%s', async (_, transformation) => {
    const one = await train(transformation, 1);
    const expected = one.bytes();
    for (const threads of [2, 3]) {
      const several = await train(transformation, threads);
      expect(several.update.explanation.threads).toEqual({ count: threads, reason: undefined });
      const differing = several.bytes().filter(([, data], i) => !data.equals(expected[i][1]));
      expect(differing.map(([name]) => name)).toEqual([]);
      expect(several.update.reports()).toEqual(one.update.reports());
      several.update.dispose();
    }
  });
});

test('the other threads take part', async () => {
  const threads = 2;
  const transformation = chain(znorm(), adam());
  const several = await train(transformation, threads, 0);
  // A thread leaves the odd end of a tensor in its scratch room.
  const plan = planFused(transformation, parameters);
  if (!plan.fused) throw new Error('not fused');
  const elsewhere = new WebAssembly.Memory({ initial: 16 });
  const places = writeTables(plan, elsewhere, 0, threads, () => ({
    gradient: 0,
    parameter: 0,
    update: 0,
    slots: {},
  }));
  const { buffer, byteOffset } = several.memory.tables;
  const scratch = new Uint8Array(buffer, byteOffset + places.scratch[1], scratchRecord.size);
  for (let index = 0; index < 200 && scratch.every((byte) => byte === 0); index++) several.step(index);
  expect(scratch.some((byte) => byte !== 0)).toBe(true);
  several.update.dispose();
});

test('a step that is refused changes nothing, on two threads either', async () => {
  const info = describeParameter('w', [300_001]);
  const plan = planFused(chain(znorm({ onDegenerate: 'throw' }), adam()), [info]);
  const memory = allocateUpdate(plan, { threads: 2 });
  memory.parameters.w.fill(1);
  memory.gradients.w.fill(3);
  const update = await createFusedUpdate(plan, memory, { threads: 2 });
  const state = init(plan.transformation, { w: { shape: info.shape, data: memory.parameters.w } });
  expect(() => update.step(state)).toThrow(/znorm: expected/);
  expect(memory.parameters.w.every((x) => x === 1)).toBe(true);
  expect(memory.slots.w['scaleByAdam.nu'].every((x) => x === 0)).toBe(true);
  update.dispose();
});

test('proposed updates are those that a step adds, on two threads', async () => {
  const transformation = chain(znorm(), adam());
  const plan = planFused(transformation, parameters);
  const moved = await train(transformation, 2, 1);
  const memory = allocateUpdate(plan, { threads: 2, updates: true });
  for (const { path } of parameters) {
    memory.parameters[path].set(initial[path].data);
    memory.gradients[path].set(gradients[0][path].data);
  }
  const update = await createFusedUpdate(plan, memory, { threads: 2 });
  const infos = Object.fromEntries(parameters.map((info) => [info.path, info]));
  const { updates } = update.propose(init(transformation, initial, infos));
  for (const { path } of parameters) {
    const sum = memory.parameters[path].map((w, k) => w + updates[path].data[k]);
    expect(bytesOf(sum).equals(bytesOf(moved.memory.parameters[path])), path).toBe(true);
  }
  for (const one of [moved.update, update]) one.dispose();
});

test('after dispose() one thread goes on, to the same bits', async () => {
  const transformation = chain(znorm(), adam());
  const one = await train(transformation, 1, 4);
  const several = await train(transformation, 2, 2);
  several.update.dispose();
  several.update.dispose();
  several.step(2);
  several.step(3);
  const expected = one.bytes();
  expect(several.bytes().every(([, data], i) => data.equals(expected[i][1]))).toBe(true);
});

test('threads keep no process alive', async () => {
  const script = `
    import { adam, describeParameter, init } from 'znorm';
    import { allocateUpdate, createFusedUpdate, planFused } from 'znorm/wasm';
    const plan = planFused(adam(), [describeParameter('w', [100])]);
    const memory = allocateUpdate(plan, { threads: 2 });
    const update = await createFusedUpdate(plan, memory, { threads: 2 });
    update.step(init(adam(), { w: { shape: [100], data: memory.parameters.w } }));
    console.log(update.explanation.threads.count);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    timeout: 30_000,
  });
  expect(stdout).toBe('2\n');
});

describe('one thread instead, and why', () => {
  const infos = [describeParameter('w', [3])];
  const text = async (transformation: GradientTransformation, memory?: UpdateMemory) => {
    const plan = planFused(transformation, infos);
    const update = await createFusedUpdate(plan, memory ?? allocateUpdate(plan, { threads: 2 }), {
      threads: 2,
    });
    expect(update.explanation.threads?.count).toBe(1);
    return update.explanation.text.split('\n')[0];
  };

  test('where the memory is not shared', async () => {
    const memory = allocateUpdate(planFused(adam(), infos));
    expect(await text(adam(), memory)).toBe(
      'fused: one call for 1 tensor, 7 words a parameter, on one thread: its memory is not shared',
    );
  });

  test('where the chain is not fused', async () => {
    expect(await text(chain(trace(), clipByValue({ clipValue: 1 })))).toBe(
      'not fused: runs on the arrays backend, on one thread: it has no more',
    );
  });

  test('where no thread can be started, at once or later', async () => {
    const starting = vi.spyOn(process, 'getBuiltinModule');
    starting.mockReturnValue({
      Worker: class {
        constructor() {
          throw new Error('out of memory');
        }
      },
    } as never);
    expect(await text(adam())).toBe(
      'fused: one call for 1 tensor, 7 words a parameter, on one thread: no other could be started: out of memory',
    );
    // As in a browser, whose page has a policy against workers from a Blob.
    starting.mockReturnValue(undefined as never);
    let ended = 0;
    vi.stubGlobal(
      'Worker',
      class {
        onerror: (event: { message: string }) => void = () => {};
        postMessage() {
          this.onerror({ message: '' });
        }
        terminate() {
          ended++;
        }
      },
    );
    expect(await text(adam())).toBe(
      'fused: one call for 1 tensor, 7 words a parameter, on one thread: no other could be started: the page allows no worker of this kind',
    );
    expect(ended).toBe(1);
    vi.unstubAllGlobals();
  });
});

test('an impossible number of threads is rejected', async () => {
  const plan = planFused(adam(), [describeParameter('w', [3])]);
  const message = 'createFusedUpdate: expected `threads` to be a whole number >= 1, got 0.';
  await expect(createFusedUpdate(plan, allocateUpdate(plan), { threads: 0 })).rejects.toThrow(
    new RangeError(message),
  );
  expect(() => allocateUpdate(plan, { threads: 1.5 })).toThrow(
    new RangeError('allocateUpdate: expected `threads` to be a whole number >= 1, got 1.5.'),
  );
});

test('small models are updated on one thread, and what is not fused', () => {
  const small = [describeParameter('w', [270_000])];
  const large = [describeParameter('w', [25_000_000])];
  expect(usefulThreads(planFused(adam(), small), 4)).toBe(1);
  expect(usefulThreads(planFused(adam(), large), 4)).toBe(4);
  expect(usefulThreads(planFused(chain(trace(), clipByValue({ clipValue: 1 })), large), 4)).toBe(1);
});
