import {
  type Batch,
  createStepper,
  generate,
  integer,
  type LanguageModel,
  type Objective,
  permutation,
  randomStream,
  slice,
  softmaxCrossEntropy,
  type Trainer,
  transformer,
} from '@znorm/train';
import { loadTexts } from '../datasets/text-dataset.ts';
import { tinyshakespeare } from '../datasets/tinyshakespeare.ts';
import type { Metric } from '../metric.ts';
import { type Characters, charactersOf } from '../text/characters.ts';
import { loss } from './image-classification.ts';
import { requireSizesThatFit, wholeBatches } from './recipe.ts';
import type { Prepared, Preset, Task, TaskConfig } from './task.ts';
import { fileHashes, textData } from './text-data.ts';
import { pickRows, type Rows, rowsInOrder } from './token-batches.ts';
import { vocabularyMemory } from './vocabulary-memory.ts';
import { warmupCosine } from './warmup-cosine.ts';

const bitsPerCharacter: Metric = {
  name: 'bitsPerCharacter',
  label: 'bits per character',
  better: 'lower',
  format: 'number',
  digits: 3,
};

const perplexity: Metric = {
  name: 'perplexity',
  label: 'perplexity',
  better: 'lower',
  format: 'number',
  digits: 2,
};

/** Characters that the network sees at a time. */
const context = 128;

/** By name: one that learns in a minute or two, and one that learns to spell and to set verse. */
const networks: Readonly<Record<string, { layers: number; heads: number; width: number }>> = {
  'transformer-small': { layers: 2, heads: 2, width: 64 },
  transformer: { layers: 4, heads: 4, width: 128 },
};

const unit = { one: 'passage', many: 'passages', short: 'passages' };

/** Passages of 128 characters in the first 90 % of the text, the next 5 % and the last 5 %. */
const counts = { train: 7842, validation: 435, test: 435 };

/**
 * The next character of Shakespeare's plays, from up to 128 before it.
 *
 * Passages lie side by side; a character is predicted from those before it in its passage. In training, the borders of
 * passages move from epoch to epoch.
 */
export const shakespeare: Task = {
  name: 'shakespeare',
  summary: 'Shakespeare’s plays, character by character',
  data: [textData(tinyshakespeare)],
  unit,
  counts: async () => counts,
  models: Object.keys(networks),
  metrics: [bitsPerCharacter, perplexity, loss],
  methods: ['baseline', 'clip', 'gc', 'znorm', 'znorm-attention'],
  optimizer: 'adamw',
  learningRates: [0.005],
  schedule: warmupCosine,
  settings: {
    dropout: { summary: 'share of activations set to 0 in training', default: 0 },
  },
  presets: {
    smoke: sized({
      models: ['transformer-small'],
      epochs: 1,
      seeds: 2,
      trainSize: 480,
      validationSize: 32,
      testSize: 32,
      time: 'a minute',
    }),
    quick: sized({
      models: ['transformer-small'],
      epochs: 3,
      seeds: 3,
      trainSize: Infinity,
      validationSize: 128,
      testSize: 435,
      time: 'about 7 minutes',
    }),
    paper: sized({
      models: ['transformer'],
      epochs: 20,
      seeds: 5,
      trainSize: Infinity,
      validationSize: 435,
      testSize: 435,
      time: 'a day',
    }),
  },
  steps: wholeBatches,
  async prepare(config, { cache }) {
    requireSizesThatFit(config, { name: tinyshakespeare.name, counts, unit });
    const texts = await loadTexts(tinyshakespeare, { cache });
    return prepareCharacters(texts['input.txt'], config);
  },
};

/** The task on any text of at least as many passages. */
export function prepareCharacters(text: string, config: TaskConfig): Prepared {
  const { batchSize } = config;
  const characters = charactersOf(text);
  const tokens = characters.encode(text);
  const [first, second] = [Math.floor(0.9 * tokens.length), Math.floor(0.95 * tokens.length)];
  const train = movingPassages(tokens.subarray(0, first), config.trainSize, config);
  const validation = passages(tokens.subarray(first, second), config.validationSize);
  const test = passages(tokens.subarray(second), config.testSize);
  const measured = async (trainer: Trainer, rows: Rows, onShare?: (share: number) => void) =>
    metricsOf((await trainer.evaluate(rowsInOrder(rows, batchSize, onShare))).loss);
  return {
    objective: nextCharacter(characters.characters.length, config),
    samplesPerStep: batchSize,
    step: (trainer) => trainer.step(train(trainer.steps)),
    training: ({ loss }) => metricsOf(loss),
    validate: (trainer) => measured(trainer, validation),
    async test(trainer, onShare) {
      const metrics = await measured(trainer, test, onShare);
      const text = await written(trainer, characters, config);
      return { metrics, artifacts: [{ title: 'Drawn at temperature 0.8', text }] };
    },
    sha1: fileHashes(tinyshakespeare),
    memory: vocabularyMemory('shakespeare', characters.characters),
  };
}

function sized(preset: Omit<Preset, 'batchSize'>): Preset {
  return { batchSize: 8, ...preset };
}

function metricsOf(loss: number) {
  return { bitsPerCharacter: loss / Math.LN2, perplexity: Math.exp(loss), loss };
}

/** Passages that the network makes up, each after a line break. */
async function written(trainer: Trainer, characters: Characters, config: TaskConfig): Promise<string> {
  const prompts = Array.from({ length: 3 }, () => [...characters.encode('\n')]);
  const stepper = await createStepper({
    model: network(characters.characters.length, config),
    context,
    sequences: prompts.length,
    parameters: trainer.parameters,
    engine: trainer.engine,
  });
  const { seed } = config;
  const made = await generate(stepper, { prompts, length: context, temperature: 0.8, seed });
  await stepper.release();
  return made.map((tokens) => characters.decode(tokens)).join('\n\n…\n\n');
}

function network(vocabulary: number, { model, settings }: TaskConfig): LanguageModel {
  return transformer({
    vocabulary,
    context,
    ...networks[model],
    // With learnt positions the small network is at 3.26 bits a character after 500 steps, with these at 2.79.
    positions: 'rotary',
    dropout: Number(settings.dropout),
  });
}

function nextCharacter(vocabulary: number, config: TaskConfig): Objective {
  const model = network(vocabulary, config);
  return {
    inputs: { tokens: { shape: [context + 1], dtype: 'int32', below: vocabulary } },
    build({ tokens }, scope) {
      const logits = model(slice(tokens, { axis: 1, end: context }), scope);
      return { loss: softmaxCrossEntropy(logits, slice(tokens, { axis: 1, start: 1 })), outputs: { logits } };
    },
  };
}

/** The passages of a text side by side: `context` characters, and the one after them. */
function passages(tokens: Int32Array, count: number, offset = 0): Rows {
  const rows = new Int32Array(count * (context + 1));
  for (let i = 0; i < count; i++)
    rows.set(tokens.subarray(offset + i * context, offset + (i + 1) * context + 1), i * (context + 1));
  return { count, columns: { tokens: rows } };
}

/** Passages whose borders move each epoch, in a new order each epoch, as a function of the step. */
function movingPassages(
  tokens: Int32Array,
  count: number,
  { batchSize, seed }: Pick<TaskConfig, 'batchSize' | 'seed'>,
): (step: number) => Batch {
  const perEpoch = Math.floor(count / batchSize);
  const slack = tokens.length - count * context;
  let known = -1;
  let rows = passages(tokens, 0);
  let order: Uint32Array = new Uint32Array();
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== known) {
      rows = passages(tokens, count, integer(randomStream(seed, 'offset', epoch), Math.min(slack, context)));
      order = permutation(randomStream(seed, 'shuffle', epoch), count);
      known = epoch;
    }
    const first = (step % perEpoch) * batchSize;
    return pickRows(rows, order.subarray(first, first + batchSize));
  };
}
