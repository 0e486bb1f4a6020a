import {
  beamSearch,
  cast,
  constant,
  createStepper,
  emit,
  encoderDecoder,
  equal,
  type Objective,
  reduceSum,
  slice,
  softmaxCrossEntropy,
  type Trainer,
} from '@znorm/train';
import { multi30k as dataset } from '../datasets/multi30k.ts';
import { loadTexts, pairedLines } from '../datasets/text-dataset.ts';
import type { Metric } from '../metric.ts';
import { bleu } from '../metrics/bleu.ts';
import { type BytePairs, learnBytePairs } from '../text/byte-pairs.ts';
import { loss } from './image-classification.ts';
import { requireSizesThatFit, wholeBatches } from './recipe.ts';
import type { Prepared, Preset, Task, TaskConfig } from './task.ts';
import { fileHashes, textData } from './text-data.ts';
import { pickRows, type Rows, rowsInOrder, rowsOfLikeLength } from './token-batches.ts';
import { vocabularyMemory } from './vocabulary-memory.ts';
import { warmupCosine } from './warmup-cosine.ts';

const bleuScore: Metric = { name: 'bleu', label: 'BLEU', better: 'higher', format: 'number', digits: 1 };

const unit = { one: 'pair', many: 'pairs', short: 'pairs' };
const counts = { train: 29_000, validation: 1014, test: 1000 };

/** Tokens of a sentence, its end included: 99 of 100 sentences have no more. */
const length = 32;

/** Before those of the byte pairs. */
const special = { padding: 0, start: 1, end: 2 };
const firstPart = 3;

interface Pair {
  readonly source: string;
  readonly target: string;
}

/**
 * From English to German. Both languages share parts of words, learnt from the training sentences by byte-pair encoding.
 *
 * Sentences of more than 32 tokens: of training pairs and for the loss, what is beyond is cut off; translations are of
 * the beginning of the source, and are compared with the whole reference.
 *
 * - `bleu`: sacreBLEU's default BLEU of the translations, greedy or by beam search (setting `beams`).
 * - `loss`: cross entropy of a target token, without label smoothing.
 */
export const multi30k: Task = {
  name: 'multi30k',
  summary: 'descriptions of photographs, English to German',
  data: [textData(dataset)],
  unit,
  counts: async () => counts,
  models: ['transformer'],
  metrics: [bleuScore, loss],
  methods: ['baseline', 'clip', 'gc', 'znorm', 'znorm-attention'],
  optimizer: 'adamw',
  learningRates: [0.002],
  schedule: warmupCosine,
  settings: {
    beams: { summary: 'beginnings that beam search keeps; 1 is greedy', default: 1 },
    merges: { summary: 'byte pairs that are merged', default: 3000 },
    width: { summary: 'numbers a position', default: 128 },
    layers: { summary: 'blocks of encoder and of decoder', default: 2 },
    dropout: { summary: 'share of activations set to 0 in training', default: 0 },
    labelSmoothing: { summary: 'share of the probability spread over all tokens in training', default: 0.1 },
  },
  presets: {
    smoke: sized({
      epochs: 1,
      seeds: 2,
      trainSize: 640,
      validationSize: 16,
      testSize: 16,
      time: 'two minutes',
    }),
    // Small batches: twice the steps, and at that point of training BLEU goes by the steps.
    quick: sized({
      epochs: 1,
      seeds: 3,
      batchSize: 32,
      trainSize: 12_000,
      validationSize: 64,
      testSize: 200,
      time: 'about 7 minutes',
    }),
    paper: sized({
      epochs: 20,
      seeds: 5,
      trainSize: Infinity,
      validationSize: 1014,
      testSize: 1000,
      time: 'half a day',
    }),
  },
  steps: wholeBatches,
  async prepare(config, { cache }) {
    requireSizesThatFit(config, { name: dataset.name, counts, unit });
    return prepareTranslation(await loadTexts(dataset, { cache }), config);
  },
};

/** The task on any files of those names. */
export function prepareTranslation(texts: Readonly<Record<string, string>>, config: TaskConfig): Prepared {
  const { batchSize, settings } = config;
  const pairs = (split: string) =>
    pairedLines(
      dataset.name,
      { name: `${split}.en`, text: texts[`${split}.en`] },
      { name: `${split}.de`, text: texts[`${split}.de`] },
    );
  const training = pairs('train').slice(0, config.trainSize);
  const parts = learnBytePairs(
    training.flatMap(({ source, target }) => [source, target]),
    Number(settings.merges),
  );
  const padded = { padded: ['source', 'target'], padding: special.padding };
  const train = rowsOfLikeLength(rowsOf(training, parts), { ...config, ...padded });
  const translation = translator(parts, settings);
  const splits = {
    validation: pairs('val').slice(0, config.validationSize),
    test: pairs('test_2016_flickr').slice(0, config.testSize),
  };
  const measured = async (trainer: Trainer, some: readonly Pair[], onShare?: (share: number) => void) => {
    const rows = rowsOf(some, parts);
    const { loss } = await trainer.evaluate(rowsInOrder(rows, batchSize));
    const written = await translation.translate(trainer, rows, batchSize, onShare);
    const { score } = bleu(written, [some.map(({ target }) => target)]);
    return { metrics: { bleu: score, loss }, written };
  };
  return {
    objective: translation.objective,
    samplesPerStep: batchSize,
    step: (trainer) => trainer.step(train(trainer.steps)),
    training: ({ loss }) => ({ loss }),
    validate: async (trainer) => (await measured(trainer, splits.validation)).metrics,
    async test(trainer, onShare) {
      const { metrics, written } = await measured(trainer, splits.test, onShare);
      const text = splits.test
        .slice(0, 5)
        .map(({ source, target }, i) => `${source}\n→ ${written[i]}\n= ${target}`)
        .join('\n\n');
      return { metrics, artifacts: [{ title: 'Translations (→) and references (=)', text }] };
    },
    sha1: fileHashes(dataset),
    memory: vocabularyMemory('multi30k', parts.merges),
  };
}

function sized(preset: Omit<Preset, 'models' | 'batchSize'> & { readonly batchSize?: number }): Preset {
  return { models: ['transformer'], batchSize: 64, ...preset };
}

/** Source: parts, end, padding. Target: start, parts, end, padding. */
function rowsOf(pairs: readonly Pair[], parts: BytePairs): Rows {
  const source = new Int32Array(pairs.length * length);
  const target = new Int32Array(pairs.length * (length + 1));
  const encode = (text: string) => [
    ...parts
      .encode(text)
      .slice(0, length - 1)
      .map((part) => part + firstPart),
    special.end,
  ];
  for (const [i, pair] of pairs.entries()) {
    source.set(encode(pair.source), i * length);
    target.set([special.start, ...encode(pair.target)], i * (length + 1));
  }
  return { count: pairs.length, columns: { source, target } };
}

function translator(parts: BytePairs, settings: Readonly<Record<string, unknown>>) {
  const { layers, width, dropout, labelSmoothing, beams } = settings as Record<string, number>;
  const vocabulary = parts.size + firstPart;
  const { padding } = special;
  const heads = Math.max(1, Math.round(width / 32));
  const model = encoderDecoder({
    vocabulary,
    context: length,
    layers,
    heads,
    width,
    dropout,
    padding,
    tied: true,
  });
  const objective: Objective = {
    inputs: {
      source: { shape: [length], dtype: 'int32', below: vocabulary, padding },
      target: { shape: [length + 1], dtype: 'int32', below: vocabulary, padding },
    },
    build({ source, target }, scope) {
      const memory = model.encode(source, scope);
      const logits = model.decode(
        slice(target, { axis: 1, end: target.shape[1] - 1 }),
        memory,
        source,
        scope,
      );
      const labels = slice(target, { axis: 1, start: 1 });
      const smoothing = scope.training ? { labelSmoothing } : {};
      const mark = constant(labels.graph, BigInt64Array.of(BigInt(padding)));
      const written = emit(labels.graph, 'Not', [equal(labels, mark)], {}, labels.shape);
      return {
        loss: softmaxCrossEntropy(logits, labels, { ignoreIndex: padding, ...smoothing }),
        weight: reduceSum(cast(written, 'float32')),
        outputs: { memory },
      };
    },
  };

  /** Translates all sources, some sentences at a time. */
  const translate = async (
    trainer: Trainer,
    rows: Rows,
    sentences: number,
    onShare: (share: number) => void = () => {},
  ): Promise<string[]> => {
    const stepper = await createStepper({
      model: (tokens, scope, steps, { memory, source }) => model.decode(tokens, memory, source, scope, steps),
      context: length,
      sequences: sentences * beams,
      parameters: trainer.parameters,
      fixed: { memory: { shape: [length, width] }, source: { shape: [length], dtype: 'int32' } },
      engine: trainer.engine,
    });
    const written: string[] = [];
    for (let start = 0; start < rows.count; start += sentences) {
      // The last sentences are filled up with the first of them.
      const chosen = Array.from({ length: sentences }, (_, i) =>
        start + i < rows.count ? start + i : start,
      );
      const { source } = pickRows(rows, chosen);
      const { memory } = await trainer.predict({ source });
      stepper.start({
        memory: repeated(memory.data as Float32Array, sentences, beams),
        source: repeated(source, sentences, beams),
      });
      const found = await beamSearch(stepper, {
        sentences,
        beams,
        start: special.start,
        end: special.end,
        length,
      });
      for (const tokens of found.slice(0, rows.count - start))
        written.push(
          parts.decode(tokens.filter((token) => token >= firstPart).map((token) => token - firstPart)),
        );
      onShare(written.length / rows.count);
    }
    await stepper.release();
    return written;
  };
  return { objective, translate };
}

/** Each of `count` equal parts of an array so many times in a row. */
function repeated<A extends Float32Array | Int32Array>(data: A, count: number, times: number): A {
  const size = data.length / count;
  const all = new (data.constructor as new (length: number) => A)(data.length * times);
  for (let i = 0; i < count * times; i++) {
    const from = Math.floor(i / times) * size;
    all.set(data.subarray(from, from + size), i * size);
  }
  return all;
}
