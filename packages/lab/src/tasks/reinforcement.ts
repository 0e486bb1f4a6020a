import type { Objective, SafetensorsContent, StoredArray, Trainer } from '@znorm/train';
import type { Environment } from '../environments/environment.ts';
import { badInput } from '../expected-error.ts';
import type { Metric, MetricValues } from '../metric.ts';
import { type Agent, type AgentSnapshot, evaluateAgent } from '../reinforcement/agent.ts';
import { createEpisodeRecord, type EpisodeRecordState } from '../reinforcement/episode-record.ts';
import type { Unit } from './recipe.ts';
import type { Prepared, Preset, PresetName, Task, TaskConfig } from './task.ts';

/** A way to learn by acting: its network and loss, and the agent that goes with them. */
export interface Algorithm {
  /** Numbers that `batchSize` must be a multiple of, such as the places that act side by side. */
  readonly places: number;
  objective(environment: Environment): Objective;
  agent(trainer: Trainer, environment: Environment, config: TaskConfig, from?: AgentSnapshot): Agent;
  /** Optimizer steps of a run that takes so many steps in the environment. */
  steps(environmentSteps: number, batchSize: number): number;
}

export interface Reinforcement {
  readonly name: string;
  readonly summary: string;
  readonly environment: Environment;
  /** By the names that take a model's place: the first is the default. */
  readonly algorithms: Readonly<Record<string, Algorithm>>;
  readonly learningRates: readonly number[];
  readonly schedule: Task['schedule'];
  /** Of the default algorithm, where a preset does not name others. */
  readonly presets: Readonly<Record<PresetName, Omit<Preset, 'models'> & Partial<Pick<Preset, 'models'>>>>;
}

const returned: Metric = { name: 'return', label: 'return', better: 'higher', format: 'number', digits: 1 };

const toSolve: Metric = {
  name: 'episodesToSolve',
  label: 'episodes to solve',
  better: 'lower',
  format: 'number',
  digits: 0,
};

const unit: Unit = { one: 'step', many: 'steps', short: 'steps' };

/**
 * An environment to act in. An epoch is `trainSize` steps in it, all places together; `validationSize` and `testSize`
 * are episodes, played without exploring, on streams of randomness of their own.
 *
 * - `return`: mean over those episodes.
 * - `episodesToSolve`: training episodes until the mean return of 100 in a row, exploration included, reaches what
 *   counts as solved; if none do, all training episodes, of which it then is a lower bound.
 */
export function reinforcement(problem: Reinforcement): Task {
  const { name, summary, algorithms, learningRates, schedule, presets } = problem;
  const all = Object.keys(algorithms) as [string, ...string[]];
  const sized = (preset: PresetName): Preset => ({ models: [all[0]], ...presets[preset] });
  return {
    name,
    summary,
    data: [],
    unit,
    counts: async () => ({ train: Infinity, validation: Infinity, test: Infinity }),
    models: all,
    metrics: [returned, toSolve],
    methods: ['baseline', 'clip', 'gc', 'znorm'],
    optimizer: 'adam',
    learningRates,
    schedule,
    settings: {},
    presets: { smoke: sized('smoke'), quick: sized('quick'), paper: sized('paper') },
    steps: ({ model, epochs, trainSize, batchSize }) =>
      algorithms[model].steps(epochs * trainSize, batchSize),
    batches: 'own',
    async prepare(config) {
      const algorithm = algorithms[config.model];
      if (config.batchSize % algorithm.places !== 0) {
        throw badInput(
          `${name}: expected \`batchSize\` to be a multiple of the ${algorithm.places} episodes that run side by side, got ${config.batchSize}.`,
        );
      }
      return prepared(problem, algorithm, config);
    },
  };
}

function prepared({ environment }: Reinforcement, algorithm: Algorithm, config: TaskConfig): Prepared {
  const { seed, epochs, trainSize, batchSize } = config;
  let saved: AgentSnapshot | undefined;
  let record = createEpisodeRecord(environment.solvedAt);
  let agent: Agent | undefined;
  const agentOf = (trainer: Trainer): Agent => {
    agent ??= algorithm.agent(trainer, environment, config, saved);
    return agent;
  };
  const returnOf = async (trainer: Trainer, episodes: number, stream: string) => {
    const returns = await evaluateAgent(agentOf(trainer), environment, { episodes, seed, stream });
    return {
      return: returns.reduce((sum, value) => sum + value, 0) / episodes,
      episodesToSolve: record.episodesToSolve,
    };
  };
  return {
    sha1: {},
    objective: algorithm.objective(environment),
    samplesPerStep: (epochs * trainSize) / algorithm.steps(epochs * trainSize, batchSize),
    async step(trainer) {
      const { result, returns } = await agentOf(trainer).step();
      record.add(returns);
      const sum = returns.reduce((total, value) => total + value, 0);
      return { ...result, counts: { ...result.counts, episodes: returns.length, returns: sum } };
    },
    // Episodes may outlast the steps that are summed up.
    training: ({ counts }): MetricValues =>
      counts.episodes > 0 ? { return: counts.returns / counts.episodes } : {},
    validate: (trainer) => returnOf(trainer, config.validationSize, 'validation'),
    async test(trainer, onShare) {
      const metrics = await returnOf(trainer, config.testSize, 'test');
      onShare(1);
      return { metrics };
    },
    memory: {
      save: () => contentOf({ record: record.state() }, agent?.snapshot() ?? saved),
      load(content) {
        const { record: kept, counters } = JSON.parse(content.metadata.agent) as SavedAgent;
        record = createEpisodeRecord(environment.solvedAt, kept);
        const arrays = Object.entries(content.tensors).map(([key, { data }]) => [key, data]);
        saved = { counters, arrays: Object.fromEntries(arrays) as Record<string, StoredArray> };
        agent = undefined;
      },
    },
  };
}

interface SavedAgent {
  readonly record: EpisodeRecordState;
  readonly counters: AgentSnapshot['counters'];
}

function contentOf(more: object, snapshot: AgentSnapshot | undefined): SafetensorsContent {
  const tensors = Object.entries(snapshot?.arrays ?? {}).map(([key, data]) => {
    return [key, { shape: [data.length], data }];
  });
  return {
    tensors: Object.fromEntries(tensors),
    metadata: { agent: JSON.stringify({ ...more, counters: snapshot?.counters ?? {} }) },
  };
}
