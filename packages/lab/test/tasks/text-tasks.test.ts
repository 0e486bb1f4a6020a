import { createTrainer, type Trainer } from '@znorm/train';
import { describe, expect, test } from 'vitest';
import { adam } from 'znorm';
import { badInput, failure } from '../../src/expected-error.ts';
import { prepareTranslation } from '../../src/tasks/multi30k.ts';
import { prepareCharacters } from '../../src/tasks/shakespeare.ts';
import { prepareSentiment } from '../../src/tasks/sst2.ts';
import type { Prepared, TaskConfig } from '../../src/tasks/task.ts';
import { rowsOfLikeLength } from '../../src/tasks/token-batches.ts';
import { vocabularyMemory } from '../../src/tasks/vocabulary-memory.ts';

const config = (more: Partial<TaskConfig>): TaskConfig => ({
  model: 'transformer',
  seed: 0,
  epochs: 1,
  batchSize: 8,
  trainSize: 16,
  validationSize: 8,
  testSize: 8,
  settings: {},
  ...more,
});

/** Trains for some steps and hands the trainer over. */
async function trained(
  prepared: Prepared,
  batchSize: number,
  steps: number,
  learningRate: number,
): Promise<Trainer> {
  const { objective, step } = prepared;
  const optimizer = adam({ learningRate });
  const trainer = await createTrainer({ objective, optimizer, batchSize, engine: 'native' });
  for (let i = 0; i < steps; i++) await step(trainer);
  return trainer;
}

describe('next characters', () => {
  const text = 'to be or not to be, that is the question:\n'.repeat(400);
  const settings = { dropout: 0 };
  const model = 'transformer-small';

  test('of a text that repeats itself are learnt; bits and perplexity are those of the loss', async () => {
    const prepared = prepareCharacters(text, config({ model, settings, validationSize: 4, testSize: 4 }));
    const before = await trained(prepared, 8, 0, 0.01);
    const first = await prepared.validate(before);
    // Before training every character is about as likely: the entropy of 16 characters is 4 bits, and they are 15.
    expect(Math.abs(first.bitsPerCharacter - Math.log2(new Set(text).size))).toBeLessThan(0.2);
    await before.dispose();
    const after = await trained(prepared, 8, 200, 0.005);
    const last = await prepared.validate(after);
    expect(last.bitsPerCharacter).toBeLessThan(1.5);
    expect(last.bitsPerCharacter).toBeCloseTo(last.loss / Math.log(2), 12);
    expect(last.perplexity).toBeCloseTo(2 ** last.bitsPerCharacter, 10);
    const { metrics, artifacts } = await prepared.test(after, () => {});
    expect(metrics.bitsPerCharacter).toBeLessThan(1.5);
    expect(artifacts).toMatchObject([
      { title: 'Drawn at temperature 0.8', text: expect.stringContaining('not to be') },
    ]);
    await after.dispose();
  });
});

describe('sentiment', () => {
  const line = (i: number) => `the ${i % 2 ? 'good' : 'bad'} film number ${i}\t${i % 2}`;
  const lines = (count: number) => Array.from({ length: count }, (_, i) => line(i)).join('\n');
  const texts = { 'train.tsv': lines(64), 'dev.tsv': lines(8), 'test.tsv': lines(8) };

  test.each(['bag', 'transformer'])('is learnt by a %s; accuracy and F1 are counted', async (model) => {
    const prepared = prepareSentiment(texts, config({ model, trainSize: 64, settings: { dropout: 0 } }));
    const trainer = await trained(prepared, 8, 40, 0.003);
    expect(await prepared.validate(trainer)).toMatchObject({ accuracy: 1, f1: 1 });
    expect(
      prepared.training({
        loss: 0.5,
        counts: { correct: 6, positive: 4, predicted: 6, truePositive: 4 },
        samples: 8,
      }),
    ).toEqual({
      loss: 0.5,
      accuracy: 0.75,
      f1: 0.8,
    });
    await trainer.dispose();
  });

  test('of a sentence that is too long is refused', () => {
    const long = { ...texts, 'test.tsv': `${'very '.repeat(60)}good\t1` };
    expect(() => prepareSentiment(long, config({ settings: { dropout: 0 } }))).toThrow(
      badInput(
        'sst2: expected sentences of at most 56 words, got 61 in "very very very very very very very very ". Cut it.',
      ),
    );
  });
});

describe('translation', () => {
  const numbers = ['one', 'two', 'three', 'four', 'five', 'six'];
  const zahlen = ['eins', 'zwei', 'drei', 'vier', 'fünf', 'sechs'];
  const lines = (words: string[], count: number) =>
    Array.from({ length: count }, (_, i) =>
      [i % 6, (i * i + 1) % 6, (i * 5 + 2) % 6, (i * 3) % 6].map((k) => words[k]).join(' '),
    ).join('\n');
  const split = (name: string, count: number) => ({
    [`${name}.en`]: lines(numbers, count),
    [`${name}.de`]: lines(zahlen, count),
  });
  const texts = { ...split('train', 96), ...split('val', 8), ...split('test_2016_flickr', 10) };
  const settings = { beams: 1, merges: 30, width: 32, layers: 1, dropout: 0, labelSmoothing: 0 };

  test('word by word is learnt, greedy and by beam search, and scored by BLEU', async () => {
    const sizes = { trainSize: 96, validationSize: 8, testSize: 10, batchSize: 16 };
    for (const beams of [1, 3]) {
      const prepared = prepareTranslation(texts, config({ ...sizes, settings: { ...settings, beams } }));
      const trainer = await trained(prepared, 16, 300, 0.003);
      const shares: number[] = [];
      const { metrics, artifacts } = await prepared.test(trainer, (share) => shares.push(share));
      expect(artifacts![0]).toMatchObject({
        text: expect.stringMatching(/^one two three one\n→ eins zwei drei eins\n= eins/),
      });
      expect(metrics.loss).toBeLessThan(0.3);
      expect(metrics.bleu).toBeGreaterThan(90);
      expect(shares).toEqual([1]);
      await trainer.dispose();
    }
  }, 60_000);

  test('wants as many lines of both languages', () => {
    const shorter = { ...texts, 'val.de': lines(zahlen, 7) };
    expect(() => prepareTranslation(shorter, config({ settings }))).toThrow(
      badInput(
        'multi30k: expected as many lines in val.de as in val.en (8), got 7. Bring files that belong together.',
      ),
    );
  });
});

test('a run does not go on with another vocabulary', () => {
  const memory = vocabularyMemory('sst2', ['a', 'b']);
  memory.load(memory.save());
  const other = vocabularyMemory('sst2', ['a', 'c']);
  const [began, now] = [memory, other].map((each) => each.save().metadata.vocabulary);
  expect(() => other.load(memory.save())).toThrow(
    failure(
      `sst2: expected the vocabulary that the run began with (${began}), got another one (${now}). Bring the text it was learnt from, or begin a new run.`,
    ),
  );
});

test('rows come once an epoch, in batches of like length, as a function of seed and step', () => {
  const length = (row: number) => (row * 7) % 11;
  const count = 100;
  const tokens = Int32Array.from({ length: count * 12 }, (_, i) => {
    const [row, column] = [Math.floor(i / 12), i % 12];
    return column === 0 ? row + 1 : Number(column <= length(row));
  });
  const rows = { count, columns: { tokens } };
  const at = rowsOfLikeLength(rows, { batchSize: 8, seed: 1, padded: ['tokens'], padding: 0 });
  const batch = (step: number) =>
    [...(at(step).tokens as Int32Array)].filter((_, i) => i % 12 === 0).map((first) => first - 1);
  const epoch = (first: number) => Array.from({ length: 12 }, (_, i) => batch(first + i));
  const [a, b] = [epoch(0), epoch(12)];
  expect(new Set(a.flat()).size).toBe(96);
  expect(b).not.toEqual(a);
  expect(epoch(0)).toEqual(a);
  // 96 rows of 11 lengths, in order: a batch of 8 has two neighbouring lengths at most.
  const spreads = a.map((some) => Math.max(...some.map(length)) - Math.min(...some.map(length)));
  expect(Math.max(...spreads)).toBeLessThanOrEqual(2);
  const means = a.map((some) => some.map(length).reduce((sum, l) => sum + l, 0));
  expect(means).not.toEqual(means.toSorted((x, y) => x - y));
});
