import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { GradientTransformation } from 'znorm';
import { softmaxCrossEntropy } from '../src/autodiff/cross-entropy.ts';
import { reshape, slice } from '../src/autodiff/shape.ts';
import { normal } from '../src/initializers.ts';
import { dense } from '../src/layers/dense.ts';
import { embedding } from '../src/layers/embedding.ts';
import { gru } from '../src/layers/recurrent.ts';
import type { Layer, Scope } from '../src/layers/scope.ts';
import { encoderDecoder, type LanguageModelOptions, transformer } from '../src/models/transformer.ts';
import type { Objective } from '../src/objective.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { createTrainer } from '../src/trainer.ts';
import { beyond, type Projected } from './projections.ts';

interface RecordedSequence {
  readonly seed: number;
  readonly count: number;
  readonly length: number;
  readonly sourceLength: number | null;
  readonly options: LanguageModelOptions;
  readonly tokens: readonly number[];
  readonly source: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Projected>>;
}

/** PyTorch in float64; see golden/sequences.py. */
const golden: { sequences: Record<string, RecordedSequence> } = JSON.parse(
  readFileSync(new URL('golden/sequences.json', import.meta.url), 'utf8'),
);

/** Leaves the parameters as they are. */
const hold: GradientTransformation = {
  name: 'hold',
  options: {},
  update: (ops, updates) => ({ updates: ops.mul(updates, 0) }),
};

/** Kernels and tables with the larger deviation of golden/sequences.py. */
const wide = (scope: Scope): Scope => ({
  ...scope,
  child: (name) => wide(scope.child(name)),
  parameter: (name, shape, options) =>
    scope.parameter(name, shape, {
      ...options,
      ...(name === 'kernel' || name === 'table' ? { initializer: normal({ std: 0.2 }) } : {}),
    }),
});

/** Embeddings, a gated recurrent unit, logits. */
const recurrent =
  ({ vocabulary, width }: LanguageModelOptions): Layer =>
  (tokens, scope) => {
    const x = embedding({ vocabulary, width })(tokens, scope.child('embedding'));
    const h = gru({ units: width })(x, scope.child('gru'));
    const logits = dense({ units: vocabulary, bias: false })(reshape(h, [-1, width]), scope.child('output'));
    return reshape(logits, [...tokens.shape, vocabulary]);
  };

/** Predicts each next token, after reading the source if there is one; token 0 is padding. */
function nextToken(name: string, { length, sourceLength, options }: RecordedSequence): Objective {
  const tokens = { shape: [length + 1], dtype: 'int32' } as const;
  return {
    inputs: {
      tokens,
      ...(sourceLength ? { source: { shape: [sourceLength], dtype: 'int32' } as const } : {}),
    },
    build({ tokens, source }, scope) {
      const before = slice(tokens, { axis: 1, end: length });
      const labels = slice(tokens, { axis: 1, start: 1 });
      const model = name === 'gru' ? recurrent(options) : transformer(options);
      const translator = encoderDecoder({ ...options, padding: 0 });
      const logits = source
        ? translator.decode(before, translator.encode(source, wide(scope)), source, wide(scope))
        : model(before, wide(scope));
      return { loss: softmaxCrossEntropy(logits, labels, { ignoreIndex: 0 }) };
    },
  };
}

describe.each<Engine>(['native', 'wasm'])('sequences against PyTorch in float64, %s engine', (engine) => {
  test.each(Object.keys(golden.sequences))('%s: loss and every gradient', async (name) => {
    const recorded = golden.sequences[name];
    const gradients: Record<string, Float32Array> = {};
    const trainer = await createTrainer({
      objective: nextToken(name, recorded),
      optimizer: hold,
      batchSize: recorded.count,
      seed: recorded.seed,
      engine,
      onGradients: (step) => {
        for (const [path, { data }] of Object.entries(step.gradients))
          gradients[path] = Float32Array.from(data);
      },
    });
    const tokens = Int32Array.from(recorded.tokens);
    const source = Int32Array.from(recorded.source);
    const { loss } = await trainer.step(recorded.sourceLength ? { tokens, source } : { tokens });
    await trainer.dispose();
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(recorded.gradients).sort());
    expect(Math.abs(loss / recorded.loss - 1)).toBeLessThan(1e-6);
    // A bias of keys moves all scores of a query alike: its gradient is zero but for rounding, in PyTorch too.
    const withGradient = Object.fromEntries(
      Object.entries(recorded.gradients).filter(([path]) => !path.endsWith('key/bias')),
    );
    expect(beyond(1e-5, withGradient, (path) => gradients[path])).toEqual([]);
  });
});
