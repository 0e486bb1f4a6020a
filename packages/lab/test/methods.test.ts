import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type ArrayTensor,
  chain,
  fromJSON,
  init,
  type Named,
  type ParameterInfo,
  sizeOf,
  tensor,
  update,
} from 'znorm';
import {
  builtInMethods,
  customaryRates,
  optimizerByName,
  optimizers,
  readMethodsFile,
  resolveMethods,
  withLearningRate,
} from '../src/methods.ts';
import { thrown } from './thrown.ts';

const folder = mkdtempSync(join(tmpdir(), 'znorm-methods-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a schedule', () => {
  const cosine = { cosine: { from: 0.1, steps: 10 } };

  test('goes where an optimizer says $learningRate, however deep', () => {
    expect(
      withLearningRate(
        ['znorm', { masked: { transformation: [{ sgd: { learningRate: '$learningRate' } }] } }],
        cosine,
      ),
    ).toEqual(['znorm', { masked: { transformation: [{ sgd: { learningRate: cosine } }] } }]);
  });

  test('leaves the original as it was', () => {
    const before = JSON.stringify(optimizers);
    withLearningRate(optimizers.adam, cosine);
    expect(JSON.stringify(optimizers)).toBe(before);
  });
});

test('every optimizer has customary rates, and only those have', () => {
  expect(Object.keys(customaryRates)).toEqual(Object.keys(optimizers));
});

describe.each(builtInMethods.map(({ name }) => name))('method %s', (name) => {
  test.each(Object.keys(optimizers))('takes steps downhill inside %s', (optimizer) => {
    const [method] = resolveMethods([name]);
    const rate = { cosine: { from: 0.1, steps: 10 } };
    const steps = chain(fromJSON(method.chain), fromJSON(withLearningRate(optimizerByName(optimizer), rate)));
    const info: ParameterInfo = { path: 'w', shape: [2, 3], outputAxis: 0, role: 'kernel' };
    const params: Named<ArrayTensor> = { w: tensor([1, -2, 3, 2, -1, 0], [2, 3]) };
    // The gradient of ½‖w‖².
    const { updates } = update(steps, params, init(steps, params, { w: info }), params, { w: info });
    const product = Array.from(updates.w.data).reduce((sum, u, i) => sum + u * params.w.data[i], 0);
    expect(product).toBeLessThan(0);
  });
});

describe('what a method makes of the gradient', () => {
  const roles = {
    kernel: [2, 3],
    bias: [3],
    embedding: [3, 2],
    attention: [4, 2],
    normalization: [2],
  } as const;
  const infos = Object.fromEntries(
    Object.entries(roles).map(([role, shape]) => [
      role,
      {
        path: role,
        shape,
        outputAxis: 0,
        role,
        ...(role === 'attention' && { heads: { axis: 0, count: 2 } }),
      } as ParameterInfo,
    ]),
  );
  const gradients = Object.fromEntries(
    Object.entries(roles).map(([role, shape], seed) => [
      role,
      tensor(
        Array.from({ length: sizeOf(shape) }, (_, i) => ((seed + 1) * (i * i - 2 * i + 3)) / 4),
        [...shape],
      ),
    ]),
  );
  const after = (name: string) => {
    const [method] = resolveMethods([name]);
    const transformation = fromJSON(method.chain);
    const state = init(transformation, gradients, infos);
    return update(transformation, gradients, state, gradients, infos).updates;
  };
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const standardized = (values: readonly number[]) => {
    const centred = values.map((x) => x - mean(values));
    return centred.map((x) => x / Math.sqrt(mean(centred.map((y) => y * y))));
  };
  const every = Object.keys(roles);
  const all = every.flatMap((path) => [...gradients[path].data]);
  const [center, deviation] = [mean(all), Math.sqrt(mean(all.map((x) => (x - mean(all)) ** 2)))];
  /** Each output unit of two elements or more on its own. */
  const byUnit = (change: (unit: number[]) => number[]) => (values: number[], path: string) => {
    const units = roles[path as keyof typeof roles][0];
    const size = values.length / units;
    if (size === 1) return change(values);
    return Array.from({ length: units }, (_, u) => change(values.slice(u * size, (u + 1) * size))).flat();
  };

  /** Each half of the attention kernel, which is one of two heads, on its own. */
  const byHead = (change: (head: number[]) => number[]) => (values: number[], path: string) =>
    path === 'attention' ? [values.slice(0, 4), values.slice(4)].flatMap(change) : change(values);

  test.each<[string, readonly string[], (values: number[], path: string) => number[]]>([
    ['baseline', [], (values) => values],
    ['clip-value', every, (values) => values.map((x) => Math.min(0.5, Math.max(-0.5, x)))],
    ['center-only', every, (values) => values.map((x) => x - mean(values))],
    [
      'scale-only',
      every,
      (values) => {
        const spread = Math.sqrt(mean(values.map((x) => (x - mean(values)) ** 2)));
        return values.map((x) => x / spread);
      },
    ],
    ['znorm', every, standardized],
    ['znorm-ema', every, standardized], // the first step has nothing to average with
    ['znorm-output', every, byUnit(standardized)],
    ['znorm-head', every, byHead(standardized)],
    ['znorm-global', every, (values) => values.map((x) => (x - center) / deviation)],
    ['znorm-matrices', ['kernel', 'embedding', 'attention'], standardized],
    ['znorm-no-norm-bias', ['kernel', 'embedding', 'attention'], standardized],
    ['znorm-attention', ['attention'], standardized],
    ['znorm-no-embeddings', ['kernel', 'bias', 'attention', 'normalization'], standardized],
  ])('%s changes %j as its equation says, and nothing else', (name, changed, equation) => {
    const updates = after(name);
    for (const path of every) {
      const values = [...gradients[path].data];
      const expected = changed.includes(path) ? equation(values, path) : values;
      // Float32 rounding of numbers up to about 4.
      for (const [i, u] of updates[path].data.entries()) expect(u, path).toBeCloseTo(expected[i], 5);
    }
  });

  test('every method says what it is, by equation and source', () => {
    for (const { name, summary, equation, source } of builtInMethods) {
      expect(equation, name).toContain('u = ');
      expect(source, name).not.toBe('');
      expect(`  znorm-no-embeddings  ${summary}`.length, name).toBeLessThanOrEqual(80);
    }
  });
});

describe('methods to compare', () => {
  const own = { name: 'mine', chain: ['centralize'] };

  test('are found by name, in the order asked for', () => {
    expect(resolveMethods(['znorm', 'baseline']).map(({ chain }) => chain)).toEqual([['znorm'], []]);
  });

  test("may be one's own, by name or given", () => {
    expect(resolveMethods(['mine', 'baseline'], [own])[0]).toEqual(own);
    expect(resolveMethods([own])).toEqual([own]);
  });

  test('may take the place of a built-in one', () => {
    const mine = { name: 'znorm', chain: [{ znorm: { scope: 'layer' } }] };
    expect(resolveMethods(['znorm'], [mine])).toEqual([mine]);
    expect(resolveMethods(['baseline', mine])[1]).toEqual(mine);
  });

  test.each([
    [['znrom'], "compare: unknown method 'znrom'. Did you mean 'znorm'?"],
    [
      ['momentum'],
      `compare: unknown method 'momentum'. Known: mine, ${builtInMethods.map(({ name }) => name).join(', ')}.`,
    ],
    [['mime'], "compare: unknown method 'mime'. Did you mean 'mine'?"],
    [['gc', 'gc'], "compare: method 'gc' is named twice. Name each method once."],
    [[], 'compare: expected at least one method, got none.'],
    [
      [{ name: '../x', chain: [] }],
      "compare: expected a method name of letters, digits, '-', '_' and '.', got '../x'.",
    ],
    [
      [{ name: 'x', chain: ['znrom'] }],
      'compare: in method `x`: fromJSON: unknown transformation `znrom` at [0]. Did you mean `znorm`?',
    ],
  ])('%j is refused', async (names, message) => {
    expect(await thrown(() => resolveMethods(names, [own]))).toEqual({ message, code: 'bad-input' });
  });
});

test.each([
  ['adm', "compare: unknown optimizer 'adm'. Did you mean 'adam'?"],
  [
    'lbfgs',
    "compare: unknown optimizer 'lbfgs'. Known: sgd, momentum, rmsprop, adam, adamw, nesterov, nadam, adamax, adagrad, adadelta, lion, lamb, lars, novograd, muon.",
  ],
  [
    'constructor',
    "compare: unknown optimizer 'constructor'. Known: sgd, momentum, rmsprop, adam, adamw, nesterov, nadam, adamax, adagrad, adadelta, lion, lamb, lars, novograd, muon.",
  ],
])('optimizer %s is refused', async (name, message) => {
  expect(await thrown(() => optimizerByName(name))).toEqual({ message, code: 'bad-input' });
});

describe('a methods file', () => {
  const file = join(folder, 'methods.yaml');
  const reading = (text: string) => {
    writeFileSync(file, text);
    return () => readMethodsFile(file);
  };

  test('gives methods by name, in YAML', () => {
    const yaml = `
methods:
  by-layer:
    - znorm: { scope: layer }
  clip-then-gc:
    - clipByGlobalNorm: { maxNorm: 5 }
    - centralize
  nothing: []
`;
    expect(reading(yaml)()).toEqual([
      { name: 'by-layer', chain: [{ znorm: { scope: 'layer' } }] },
      { name: 'clip-then-gc', chain: [{ clipByGlobalNorm: { maxNorm: 5 } }, 'centralize'] },
      { name: 'nothing', chain: [] },
    ]);
  });

  test('may be JSON', () => {
    expect(reading('{"methods": {"mine": ["znorm"]}}')()).toEqual([{ name: 'mine', chain: ['znorm'] }]);
  });

  test.each([
    [
      '',
      `${file}: expected \`methods\` with a list under each name, as in \`methods: { mine: [znorm] }\`, got null.`,
    ],
    [
      '- znorm',
      `${file}: expected \`methods\` with a list under each name, as in \`methods: { mine: [znorm] }\`, got ["znorm"].`,
    ],
    ['method: {}', `${file}: unknown key \`method\`. Did you mean 'methods'?`],
    ['methods: { a: [] }\nseeds: 3', `${file}: unknown key \`seeds\`.`],
    [
      'methods: znorm',
      `${file}: expected \`methods\` with a list under each name, as in \`methods: { mine: [znorm] }\`, got "znorm".`,
    ],
    [
      'methods:\n  mine: znorm',
      `${file}: expected method \`mine\` to be a list such as [znorm], got "znorm".`,
    ],
    [
      'methods:\n  a/b: [znorm]',
      `${file}: expected a method name of letters, digits, '-', '_' and '.', got 'a/b'.`,
    ],
    [
      'methods:\n  mine: [znrom]',
      `${file}: in method \`mine\`: fromJSON: unknown transformation \`znrom\` at [0]. Did you mean \`znorm\`?`,
    ],
    [
      'methods:\n  mine:\n    - znorm: { esp: 1 }',
      `${file}: in method \`mine\`: znorm: unknown option \`esp\`. Did you mean \`eps\`?`,
    ],
    [
      'methods:\n  mine:\n    - znorm: { eps: -1 }',
      `${file}: in method \`mine\`: znorm: expected \`eps\` to be a finite number >= 0, got -1.`,
    ],
    [
      'methods:\n  mine: [[',
      `${file}: not valid YAML. Flow sequence in block collection must be sufficiently indented and end with a ] at line 2, column 11.`,
    ],
    ['methods: { a: [], a: [] }', `${file}: not valid YAML. Map keys must be unique at line 1, column 19.`],
  ])('of %j is refused', async (text, message) => {
    expect(await thrown(reading(text))).toEqual({ message, code: 'bad-input' });
  });

  test('that is not there is refused', async () => {
    const none = join(folder, 'none.yaml');
    expect(await thrown(() => readMethodsFile(none))).toEqual({
      message: `compare: cannot read the methods file '${none}' (ENOENT). Check --methods-file.`,
      code: 'bad-input',
    });
  });
});
