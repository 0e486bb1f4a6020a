import { describe, expect, test } from 'vitest';
import { split } from '../../src/autodiff/shape.ts';
import { beamSearch } from '../../src/generation/beam-search.ts';
import { generate } from '../../src/generation/generate.ts';
import { sampleCategorical } from '../../src/generation/sampling.ts';
import { createStepper, type Stepper } from '../../src/generation/stepper.ts';
import { normal } from '../../src/initializers.ts';
import { createScope, type Scope } from '../../src/layers/scope.ts';
import { encoderDecoder, transformer } from '../../src/models/transformer.ts';
import { createGraph, elementCount, input, output, type Value } from '../../src/onnx/graph.ts';
import { randomStream } from '../../src/random.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { createSession, type TensorView } from '../../src/runtime/session.ts';

const small = { vocabulary: 11, context: 7, layers: 2, heads: 2, width: 16 };

/** First weights, larger than those training starts with: attention must matter. */
function parametersOf(build: (scope: Scope) => void) {
  const { scope, declared } = createScope(createGraph(), { training: false });
  build(scope);
  return [...declared.parameters]
    .filter(([path]) => path !== 'probe')
    .map(([path, { info, initializer }]) => {
      const data = new Float32Array(elementCount(info.shape));
      const matrix = info.shape.length > 1;
      (matrix ? normal({ std: 0.3 }) : initializer)(data, info.shape, randomStream(3, path));
      return { path, data };
    });
}

/** All logits at once. */
async function whole(
  tokens: number[][],
  parameters: { path: string; data: Float32Array }[],
  build: (tokens: Value, scope: Scope) => Value,
): Promise<Float32Array> {
  const graph = createGraph();
  const shape = [tokens.length, tokens[0].length];
  const { scope } = createScope(graph, { training: false });
  const logits = build(input(graph, 'tokens', shape, 'int64'), scope);
  output(logits, 'logits');
  const session = await createSession(graph, { engine: 'native' });
  const known = new Map(parameters.map(({ path, data }) => [path, data]));
  const feeds: Record<string, TensorView> = {
    tokens: { shape, data: BigInt64Array.from(tokens.flat(), BigInt) },
  };
  for (const { name, shape } of graph.inputs) feeds[name] ??= { shape, data: known.get(name)! };
  const data = new Float32Array(elementCount(logits.shape));
  await session.run(feeds, { logits: { shape: logits.shape, data } });
  await session.release();
  return data;
}

describe.each<Engine>(['native', 'wasm'])('generation with a cache of keys and values (%s)', (engine) => {
  test.each([
    ['learned positions', {}],
    ['rotary positions, RMS norm, tied', { positions: 'rotary', normalization: 'rms', tied: true } as const],
  ])('gives the logits of the whole sequence: %s', async (_, more) => {
    const model = transformer({ ...small, ...more });
    const sequences = [
      [1, 5, 2, 9, 10, 3, 3],
      [7, 7, 0, 1, 4, 8, 2],
    ];
    const parameters = parametersOf((scope) => {
      model(input(createScopeGraph(scope), 'tokens', [1, 7], 'int64'), scope);
    });
    const expected = await whole(sequences, parameters, model);
    const stepper = await createStepper({ model, context: 7, sequences: 2, parameters, engine });
    for (let attempt = 0; attempt < 2; attempt++) {
      stepper.start(); // The second time over a cache that is full.
      for (let t = 0; t < 7; t++) {
        const logits = await stepper.step(sequences.map((tokens) => tokens[t]));
        for (let n = 0; n < 2; n++)
          for (let v = 0; v < 11; v++)
            // Logits up to 5, rounded in sums of another order at each layer.
            expect(Math.abs(logits[n * 11 + v] - expected[(n * 7 + t) * 11 + v])).toBeLessThan(1e-5);
      }
    }
    await expect(stepper.step([0, 0])).rejects.toThrow(
      new RangeError(
        'step: expected at most 7 tokens a sequence, got another one. Raise `context`, or call start().',
      ),
    );
    await stepper.release();
  });
});

/** The graph that a scope declares in. */
function createScopeGraph(scope: Scope) {
  return scope.parameter('probe', [1], { role: 'bias', initializer: () => {} }).graph;
}

test('the decoder of an encoder-decoder steps as it does on the whole target', async () => {
  const model = encoderDecoder({ ...small, padding: 0 });
  const source = [[3, 1, 4, 0, 0]];
  const target = [[1, 5, 9, 2]];
  const encode = (tokens: Value, scope: Scope) => model.encode(tokens, scope);
  const parameters = parametersOf((scope) => {
    const graph = createScopeGraph(scope);
    const s = input(graph, 'source', [1, 5], 'int64');
    model.decode(input(graph, 'target', [1, 4], 'int64'), model.encode(s, scope), s, scope);
  });
  const memory = await whole(source, parameters, encode);
  const expected = await whole([[...source[0], ...target[0]]], parameters, (tokens, scope) => {
    const [s, t] = split(tokens, { axis: 1, sizes: [5, 4] });
    return model.decode(t, model.encode(s, scope), s, scope);
  });
  const stepper = await createStepper({
    model: (tokens, scope, steps, fixed) => model.decode(tokens, fixed.memory, fixed.source, scope, steps),
    context: 7,
    sequences: 1,
    fixed: { memory: { shape: [5, 16] }, source: { shape: [5], dtype: 'int32' } },
    parameters,
    engine: 'native',
  });
  stepper.start({ memory, source: Int32Array.from(source[0]) });
  for (let t = 0; t < 4; t++) {
    const logits = await stepper.step([target[0][t]]);
    for (let v = 0; v < 11; v++) expect(Math.abs(logits[v] - expected[t * 11 + v])).toBeLessThan(1e-5);
  }
  await stepper.release();
});

test('parameters of another model are named', async () => {
  const options = {
    model: transformer(small),
    context: 7,
    sequences: 1,
    parameters: [],
    engine: 'native',
  } as const;
  await expect(createStepper(options)).rejects.toThrow(
    new RangeError(
      "createStepper: expected parameter 'embedding/table' of shape [11,16], got none. Give the parameters of this model.",
    ),
  );
});

/** A stepper whose logits are a function of the tokens so far. */
function scripted(sequences: number, logitsOf: (tokens: readonly number[]) => number[]): Stepper {
  let histories: number[][] = [];
  return {
    get position() {
      return histories[0].length;
    },
    start: () => {
      histories = Array.from({ length: sequences }, () => []);
    },
    step: async (tokens) => {
      for (const [i, history] of histories.entries()) history.push(tokens[i]);
      return Float32Array.from(histories.flatMap(logitsOf));
    },
    reorder: (rows) => {
      histories = rows.map((row) => [...histories[row]]);
    },
    release: async () => {},
  };
}

describe('sampling', () => {
  const logits = Float32Array.of(1, 3, 2, 3);
  const draw = (options: object, count = 20000) => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) counts[sampleCategorical(logits, randomStream(0, 'draw', i), options)]++;
    return counts.map((times) => times / count);
  };

  test.each([1, 0.5, 2])('draws with the probabilities of softmax(logits / %s)', (temperature) => {
    const weights = [...logits].map((x) => Math.exp(x / temperature));
    const total = weights.reduce((a, b) => a + b);
    // Four standard errors of a share of at most one half among 20,000.
    for (const [i, share] of draw({ temperature }).entries())
      expect(Math.abs(share - weights[i] / total)).toBeLessThan(0.0142);
  });

  test('draws among the top k, and at temperature 0 the first of the likeliest', () => {
    const e = Math.E;
    const [a, b, c, d] = draw({ topK: 3 });
    expect(a).toBe(0);
    expect(Math.abs(b - e / (2 * e + 1))).toBeLessThan(0.0142);
    expect(Math.abs(c - 1 / (2 * e + 1))).toBeLessThan(0.0142);
    expect(d).toBeGreaterThan(0);
    expect(draw({ temperature: 0 }, 10)).toEqual([0, 1, 0, 0]);
    expect(draw({ topK: 1 }, 10)).toEqual([0, 1, 0, 0]);
  });

  test('refuses what it cannot do', () => {
    expect(() => draw({ temperature: -1 }, 1)).toThrow(
      new RangeError('sampleCategorical: expected `temperature` to be a finite number >= 0, got -1.'),
    );
    expect(() => draw({ topK: 0 }, 1)).toThrow(
      new RangeError('sampleCategorical: expected `topK` to be a whole number >= 1, got 0.'),
    );
  });
});

describe('generate', () => {
  const counting = (tokens: readonly number[]) =>
    [0, 1, 2, 3].map((v) => (v === (tokens.at(-1)! + 1) % 4 ? 9 : 0));

  test('continues each prompt', async () => {
    const options = {
      prompts: [
        [3, 0],
        [0, 2],
      ],
      length: 3,
      temperature: 0,
    };
    expect(await generate(scripted(2, counting), options)).toEqual([
      [1, 2, 3],
      [3, 0, 1],
    ]);
  });

  test('draws the same for the same seed, and another text for another', async () => {
    const flat = () => scripted(1, () => [0, 0, 0, 0]);
    const text = (seed: number) => generate(flat(), { prompts: [[0]], length: 20, seed });
    expect(await text(1)).toEqual(await text(1));
    expect(await text(1)).not.toEqual(await text(2));
  });

  test('wants prompts of one length', async () => {
    await expect(generate(scripted(2, counting), { prompts: [[1], [1, 2]], length: 1 })).rejects.toThrow(
      new RangeError('generate: expected prompts of one length >= 1, got lengths 1, 2.'),
    );
  });
});

describe('beam search', () => {
  // p(1) = 0.6, but what follows is uncertain; p(2) = 0.4, and then the end (0) is sure.
  const trap = (tokens: readonly number[]) => {
    const log = (...p: number[]) => p.map((x) => Math.log(x));
    if (tokens.length === 1) return log(1e-9, 0.6, 0.4, 1e-9);
    return tokens.at(-1) === 2 ? log(0.97, 0.01, 0.01, 0.01) : log(0.25, 0.25, 0.25, 0.25);
  };
  const search = async (beams: number, options: object = {}) => {
    const stepper = scripted(beams, trap);
    stepper.start();
    return beamSearch(stepper, {
      sentences: 1,
      beams,
      start: 3,
      end: 0,
      length: 4,
      lengthPenalty: 0,
      ...options,
    });
  };

  test('of one beam takes the likeliest token each time', async () => {
    expect((await search(1))[0][0]).toBe(1);
    // The end is never the likeliest, though the sentence without a word is the likeliest of all by score.
    const stepper = scripted(1, () => [0, 0.1, 0, 0]);
    stepper.start();
    const options = { sentences: 1, beams: 1, start: 3, end: 0, length: 3, lengthPenalty: 0 };
    expect(await beamSearch(stepper, options)).toEqual([[1, 1, 1]]);
  });

  test('of two finds the likelier sentence that starts with the less likely token', async () => {
    expect(await search(2)).toEqual([[2]]);
  });

  test('of all beginnings finds the likeliest of all sentences', async () => {
    // Σ log p / (length + 1), over all sentences of up to 4 tokens with their end, by hand: the best is again [2].
    expect(await search(64, { lengthPenalty: 1 })).toEqual([[2]]);
  });

  test('keeps sentences apart', async () => {
    let call = 0;
    const stepper = scripted(4, (tokens) => {
      const sentence = Math.floor(call++ / 2) % 2;
      const want = sentence === 0 ? [1, 0] : [2, 2, 0];
      return [0, 1, 2, 3].map((v) => (v === want[tokens.length - 1] ? 9 : 0));
    });
    stepper.start();
    const options = { sentences: 2, beams: 2, start: 3, end: 0, length: 5 };
    expect(await beamSearch(stepper, options)).toEqual([[1], [2, 2]]);
  });
});
