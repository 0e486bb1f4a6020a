import {
  cast,
  type Evaluation,
  emit,
  equal,
  mul,
  type Objective,
  reduceSum,
  softmaxCrossEntropy,
  type Trainer,
  type Value,
} from '@znorm/train';
import { sst2 as dataset, type LabelledSentence, labelledSentences } from '../datasets/sst2.ts';
import { loadTexts } from '../datasets/text-dataset.ts';
import { badInput } from '../expected-error.ts';
import type { Metric, MetricValues } from '../metric.ts';
import { paddingToken, type Words, wordsOf } from '../text/words.ts';
import { accuracy, loss } from './image-classification.ts';
import { requireSizesThatFit, wholeBatches } from './recipe.ts';
import { sentenceModel, sentenceModels } from './sentiment-models.ts';
import type { Prepared, Preset, Task, TaskConfig } from './task.ts';
import { fileHashes, textData } from './text-data.ts';
import { type Rows, rowsInOrder, rowsOfLikeLength } from './token-batches.ts';
import { vocabularyMemory } from './vocabulary-memory.ts';
import { warmupCosine } from './warmup-cosine.ts';

const f1: Metric = { name: 'f1', label: 'F1', better: 'higher', format: 'percent', digits: 2 };

/** Words of a sentence, at most: the longest there is has 53. */
const length = 56;

const unit = { one: 'sentence', many: 'sentences', short: 'sent' };
const counts = { train: 6920, validation: 872, test: 1821 };

/**
 * Whether a sentence of a film review is positive. Words that occur twice in the training sentences are tokens.
 *
 * - `accuracy`: sentences whose larger logit is that of their label.
 * - `f1`: of the positive class, 2·TP / (2·TP + FP + FN).
 */
export const sst2: Task = {
  name: 'sst2',
  summary: 'sentences of film reviews, positive or negative',
  data: [textData(dataset)],
  unit,
  counts: async () => counts,
  models: sentenceModels,
  metrics: [accuracy, f1, loss],
  methods: ['baseline', 'clip', 'gc', 'znorm'],
  optimizer: 'adamw',
  learningRates: [0.001],
  schedule: warmupCosine,
  settings: { dropout: { summary: 'share of the words’ numbers set to 0 in training', default: 0.3 } },
  presets: {
    smoke: sized({
      models: ['bag'],
      epochs: 1,
      seeds: 2,
      trainSize: 1280,
      validationSize: 256,
      testSize: 256,
      time: 'under a minute',
    }),
    quick: sized({
      models: ['bag', 'transformer'],
      epochs: 5,
      seeds: 3,
      trainSize: 6920,
      validationSize: 872,
      testSize: 1821,
      time: 'about 5 minutes',
    }),
    paper: sized({
      models: ['bag', 'transformer'],
      epochs: 10,
      seeds: 10,
      trainSize: Infinity,
      validationSize: 872,
      testSize: 1821,
      time: 'an hour',
    }),
  },
  steps: wholeBatches,
  async prepare(config, { cache }) {
    requireSizesThatFit(config, { name: dataset.name, counts, unit });
    return prepareSentiment(await loadTexts(dataset, { cache }), config);
  },
};

/** The task on any files of that form. */
export function prepareSentiment(texts: Readonly<Record<string, string>>, config: TaskConfig): Prepared {
  const { batchSize, model } = config;
  const sentences = (file: string) => labelledSentences(`${dataset.name}: ${file}`, texts[file]);
  const training = sentences('train.tsv').slice(0, config.trainSize);
  const words = wordsOf(
    training.map(({ text }) => text.split(' ')),
    2,
  );
  const rows = (some: readonly LabelledSentence[]) => rowsOf(some, words);
  const train = rowsOfLikeLength(rows(training), { ...config, padded: ['tokens'], padding: paddingToken });
  const validation = rows(sentences('dev.tsv').slice(0, config.validationSize));
  const test = rows(sentences('test.tsv').slice(0, config.testSize));
  const measured = async (trainer: Trainer, some: Rows, onShare?: (share: number) => void) =>
    metricsOf(await trainer.evaluate(rowsInOrder(some, batchSize, onShare)));
  return {
    objective: sentiment(model, words.size, Number(config.settings.dropout)),
    samplesPerStep: batchSize,
    step: (trainer) => trainer.step(train(trainer.steps)),
    training: ({ loss, counts, samples }) => metricsOf({ loss, counts, count: samples }),
    validate: (trainer) => measured(trainer, validation),
    test: async (trainer, onShare) => ({ metrics: await measured(trainer, test, onShare) }),
    sha1: fileHashes(dataset),
    memory: vocabularyMemory('sst2', words.words),
  };
}

function sized(preset: Omit<Preset, 'batchSize'>): Preset {
  return { batchSize: 64, ...preset };
}

function rowsOf(sentences: readonly LabelledSentence[], words: Words): Rows {
  const tokens = new Int32Array(sentences.length * length);
  for (const [i, { text }] of sentences.entries()) {
    const encoded = words.encode(text.split(' '));
    if (encoded.length > length)
      throw badInput(
        `sst2: expected sentences of at most ${length} words, got ${encoded.length} in ${JSON.stringify(text.slice(0, 40))}. Cut it.`,
      );
    tokens.set(encoded, i * length);
  }
  const labels = Int32Array.from(sentences, ({ label }) => label);
  return { count: sentences.length, columns: { tokens, labels } };
}

function sentiment(name: string, vocabulary: number, rate: number): Objective {
  const model = sentenceModel(name, { vocabulary, length, classes: 2, dropout: rate });
  return {
    inputs: {
      tokens: { shape: [length], dtype: 'int32', below: vocabulary, padding: paddingToken },
      labels: { shape: [], dtype: 'int32', below: 2 },
    },
    build({ tokens, labels }, scope) {
      const logits = model(tokens, scope);
      const predicted = emit(
        logits.graph,
        'ArgMax',
        [logits],
        { axis: 1, keepdims: 0 },
        labels.shape,
        'int64',
      );
      const ones = (value: Value) => cast(value, 'float32');
      const total = (value: Value) => reduceSum(ones(value));
      return {
        loss: softmaxCrossEntropy(logits, labels),
        counts: {
          correct: total(equal(predicted, labels)),
          positive: total(labels),
          predicted: total(predicted),
          truePositive: reduceSum(mul(ones(predicted), ones(labels))),
        },
        outputs: { logits },
      };
    },
  };
}

function metricsOf({ loss, counts, count }: Pick<Evaluation, 'loss' | 'counts' | 'count'>): MetricValues {
  const { correct, positive, predicted, truePositive } = counts;
  return { accuracy: correct / count, f1: (2 * truePositive) / Math.max(1, positive + predicted), loss };
}
