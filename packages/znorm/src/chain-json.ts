import { adadelta, adagrad, adamax, lion, nadam, scheduleFreeAdamw } from './adaptive-optimizers.ts';
import { injectable, reduceOnPlateau } from './adjustable-schedules.ts';
import { cyclic, oneCycle } from './cycle-schedules.ts';
import { exponential, polynomial } from './decay-schedules.ts';
import { lamb, lars, muon, novograd } from './layerwise-optimizers.ts';
import { adam, adamw, momentum, rmsprop, sgd } from './optimizers.ts';
import { knownOptions, nearest, shown } from './option-checks.ts';
import {
  constant,
  cosine,
  isSchedule,
  joined,
  linear,
  type Schedule,
  stepDecay,
  warmup,
} from './schedules.ts';
import type { Selection } from './select.ts';
import { type Composite, chain, type GradientTransformation, identity, masked } from './transformation.ts';
import { accumulate } from './transforms/accumulate.ts';
import { scaleByAdadelta, scaleByAdagrad } from './transforms/accumulated-squares.ts';
import { scaleByAdamax, scaleByNadam } from './transforms/adam-variants.ts';
import { adaptiveClip } from './transforms/adaptive-clip.ts';
import { center } from './transforms/center.ts';
import { centralize } from './transforms/centralize.ts';
import { clipByBlockRms, clipByGlobalNorm, clipByNorm, clipByValue } from './transforms/clip.ts';
import { addDecayedWeights } from './transforms/decay.ts';
import { scaleByLion } from './transforms/lion.ts';
import { scaleByAdam, scaleByRms, trace } from './transforms/moments.ts';
import { addNoise } from './transforms/noise.ts';
import { nonfinite, skipLargeUpdates, zeroNonFinite } from './transforms/nonfinite.ts';
import { normalizeByNormAverage } from './transforms/norm-average.ts';
import { normalizeByNorm } from './transforms/normalize-by.ts';
import { orthogonalize } from './transforms/orthogonalize.ts';
import { emaOfParams, lookahead } from './transforms/parameter-averages.ts';
import { freeze, partition } from './transforms/partition.ts';
import { samPerturbation } from './transforms/sam.ts';
import { scale, scaleByLearningRate } from './transforms/scale.ts';
import { scheduleFree } from './transforms/schedule-free.ts';
import { trustRatio } from './transforms/trust-ratio.ts';
import { scaleByStd, znorm } from './transforms/znorm.ts';

/**
 * A transformation as JSON or YAML: its name, or its name over its options; a chain is a list.
 *
 *     - nonfinite: { action: skip }
 *     - centralize
 *     - masked: { select: { minRank: 2 }, transformation: znorm }
 *     - momentum: { learningRate: { cosine: { from: 0.1, steps: 1000 } } }
 */
export type TransformationJson = string | { readonly [name: string]: Json } | readonly TransformationJson[];

interface PartitionJson {
  readonly rules: readonly { readonly select: Selection; readonly transformation: TransformationJson }[];
  readonly otherwise: TransformationJson;
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * A transformation as plain JSON. `fromJSON(toJSON(t))` is t again.
 *
 * @throws TypeError at the path of what JSON cannot hold: a function as learning rate, a predicate as selector, a
 *   transformation that is not of this library
 * @example
 * const json = toJSON(chain(znorm({ scope: 'layer' }), sgd({ learningRate: 0.1 })));
 * json; // [{ znorm: { scope: 'layer' } }, { sgd: { learningRate: 0.1 } }]
 */
export function toJSON(transformation: GradientTransformation): TransformationJson {
  if (transformation.name === 'chain' && 'parts' in transformation) return transformation.parts.map(toJSON);
  if (transformation.name === 'masked' && 'parts' in transformation) {
    const options = optionsJson(transformation.options, 'masked');
    return { masked: { ...options, transformation: toJSON(transformation.parts[0]) as Json } };
  }
  if (transformation.name === 'partition' && 'parts' in transformation) return partitionJson(transformation);
  if (!Object.hasOwn(transformations, transformation.name)) {
    throw new TypeError(
      `toJSON: expected a transformation of this library, got \`${transformation.name}\`. Save its name and options yourself.`,
    );
  }
  const options = optionsJson(transformation.options, transformation.name);
  return Object.keys(options).length === 0 ? transformation.name : { [transformation.name]: options };
}

/**
 * The transformation that `json` describes.
 *
 * @throws TypeError with the path of an unknown transformation or schedule, or of what is neither a name, nor
 *   `{ name: options }`, nor a list; options are checked by the transformation itself
 * @example
 * fromJSON([{ znorm: { scope: 'layer' } }, { adam: { learningRate: 0.001 } }])
 */
export function fromJSON(json: TransformationJson): GradientTransformation {
  return parsed(json, '');
}

/** A partition keeps its selectors in its options, and what they select in masked parts; the last is for the rest. */
function partitionJson({ options, parts }: Composite): TransformationJson {
  const { selects } = options as { selects: readonly Selection[] };
  const inner = parts.map((part) => toJSON((part as Composite).parts[0]) as Json);
  const rules = selects.map((select, i) => ({
    select: valueJson(select, `partition.rules[${i}].select`),
    transformation: inner[i],
  }));
  return { partition: { rules, otherwise: inner[rules.length] } };
}

/** Every transformation by name. This file is the only one that knows them all. */
const transformations: Readonly<Record<string, (options: never, path: string) => GradientTransformation>> = {
  accumulate,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamw,
  adaptiveClip,
  addDecayedWeights,
  addNoise,
  center,
  centralize,
  clipByBlockRms,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  emaOfParams,
  freeze,
  identity: (options: object) => {
    knownOptions('identity', options, []);
    return identity();
  },
  lamb,
  lars,
  lion,
  lookahead,
  masked: (options: { transformation: TransformationJson; select: Selection }, path) => {
    knownOptions('masked', options, ['select', 'transformation']);
    return masked(parsed(options.transformation, `${path}.transformation`), options.select);
  },
  momentum,
  muon,
  nadam,
  nonfinite,
  normalizeByNorm,
  normalizeByNormAverage,
  novograd,
  orthogonalize,
  partition: (options: PartitionJson, path) => {
    knownOptions('partition', options, ['rules', 'otherwise']);
    const { rules, otherwise } = options;
    const made = (rule: PartitionJson['rules'][number], i: number) => ({
      ...rule,
      transformation: parsed(rule?.transformation, `${path}.rules[${i}].transformation`),
    });
    return partition({
      rules: Array.isArray(rules) ? rules.map(made) : (rules as never), // which partition() refuses
      otherwise: parsed(otherwise, `${path}.otherwise`),
    });
  },
  rmsprop,
  samPerturbation,
  scale,
  scaleByAdadelta,
  scaleByAdagrad,
  scaleByAdam,
  scaleByAdamax,
  scaleByLearningRate,
  scaleByLion,
  scaleByNadam,
  scaleByRms,
  scaleByStd,
  scheduleFree,
  scheduleFreeAdamw,
  sgd,
  skipLargeUpdates,
  trace,
  trustRatio,
  zeroNonFinite,
  znorm,
};

const schedules: Readonly<Record<string, (options: never) => Schedule>> = {
  constant,
  cosine,
  cyclic,
  exponential,
  injectable,
  joined,
  linear,
  oneCycle,
  polynomial,
  reduceOnPlateau,
  stepDecay,
  warmup,
};

/** The options, of transformations and of schedules, that hold a schedule or a list of them. */
const scheduleOptions = ['learningRate', 'adamLearningRate', 'from', 'into', 'schedules'];

function parsed(json: TransformationJson, path: string): GradientTransformation {
  if (Array.isArray(json)) return chain(...json.map((part, index) => parsed(part, `${path}[${index}]`)));
  const [name, options] = typeof json === 'string' ? [json, {}] : onlyEntry(json, 'transformation', path);
  if (!Object.hasOwn(transformations, name)) throw unknown('transformation', name, transformations, path);
  const make = transformations[name] as (options: unknown, path: string) => GradientTransformation;
  const at = joinedPath(path, name);
  return make(withSchedules(options, at), at);
}

/** The options with their schedules made; what is not an object is left for the transformation to refuse. */
function withSchedules(options: unknown, path: string): unknown {
  // YAML reads `- znorm:` as a name over nothing.
  if (options === null) return {};
  if (typeof options !== 'object' || Array.isArray(options)) return options;
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key,
      scheduleOptions.includes(key) ? scheduleFrom(value, `${path}.${key}`) : value,
    ]),
  );
}

function scheduleFrom(json: unknown, path: string): unknown {
  if (Array.isArray(json)) return json.map((part, index) => scheduleFrom(part, `${path}[${index}]`));
  if (typeof json !== 'object' || json === null) return json;
  const [name, options] = onlyEntry(json, 'schedule', path);
  if (!Object.hasOwn(schedules, name)) throw unknown('schedule', name, schedules, path);
  return (schedules[name] as (options: unknown) => Schedule)(withSchedules(options, joinedPath(path, name)));
}

function onlyEntry(json: unknown, kind: string, path: string): [string, unknown] {
  const entries = typeof json === 'object' && json !== null ? Object.entries(json) : [];
  if (entries.length !== 1) {
    const list = kind === 'transformation' ? ', its name, or a list of them' : ' or a number';
    throw new TypeError(
      `fromJSON: expected a ${kind} as { name: options }${list}, got ${shown(json)}${atPath(path)}.`,
    );
  }
  return entries[0];
}

function unknown(kind: string, name: string, known: object, path: string): TypeError {
  const near = nearest(name, Object.keys(known));
  const next = near ? `Did you mean \`${near}\`?` : `Known: ${Object.keys(known).join(', ')}.`;
  return new TypeError(`fromJSON: unknown ${kind} \`${name}\`${atPath(path)}. ${next}`);
}

function atPath(path: string): string {
  return path === '' ? '' : ` at ${path}`;
}

function joinedPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function optionsJson(options: object, path: string): { readonly [key: string]: Json } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, valueJson(value, `${path}.${key}`)]));
}

function valueJson(value: unknown, path: string): Json {
  if (typeof value === 'function') {
    throw new TypeError(
      `toJSON: expected data at ${path}, got a function. Only schedules (cosine, warmup, …) and selectors ({ minRank: 2 }) can be saved.`,
    );
  }
  if (Array.isArray(value)) return value.map((item, index) => valueJson(item, `${path}[${index}]`));
  if (isSchedule(value)) {
    if (!Object.hasOwn(schedules, value.name)) {
      throw new TypeError(`toJSON: expected a schedule of this library at ${path}, got \`${value.name}\`.`);
    }
    return { [value.name]: optionsJson(value.options, `${path}.${value.name}`) };
  }
  if (typeof value === 'object' && value !== null) return optionsJson(value, path);
  return value as Json;
}
