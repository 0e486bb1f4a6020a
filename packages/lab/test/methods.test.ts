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
  tensor,
  update,
} from 'znorm';
import {
  builtInMethods,
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
    [['momentum'], "compare: unknown method 'momentum'. Known: mine, baseline, clip, gc, znorm."],
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
  ['lbfgs', "compare: unknown optimizer 'lbfgs'. Known: sgd, momentum, rmsprop, adam, adamw."],
  ['constructor', "compare: unknown optimizer 'constructor'. Known: sgd, momentum, rmsprop, adam, adamw."],
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
