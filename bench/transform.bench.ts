import { fillNormal, randomStream } from '@znorm/train';
import {
  adaptiveClip,
  centralize,
  chain,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  describeParameter,
  type GradientTransformation,
  init,
  normalizeByNorm,
  scaleByStd,
  sgd,
  sizeOf,
  update,
  znorm,
} from 'znorm';
import {
  type BenchOptions,
  chosenCases,
  digits,
  interleave,
  median,
  type Result,
  spread,
} from './interleave.ts';
import { ownRivals, timed } from './own-rivals.ts';

const cases: Readonly<Record<string, GradientTransformation>> = {
  znorm: znorm(),
  'znorm-output': znorm({ scope: 'output' }),
  'znorm-global': znorm({ scope: 'global' }),
  centralize: centralize(),
  'centralize-znorm': chain(centralize(), znorm()),
  scaleByStd: scaleByStd(),
  normalizeByNorm: normalizeByNorm(),
  clipByValue: clipByValue({ clipValue: 0.1 }),
  clipByNorm: clipByNorm({ maxNorm: 1 }),
  clipByGlobalNorm: clipByGlobalNorm({ maxNorm: 1 }),
  adaptiveClip: adaptiveClip(),
};

/** Four million parameters: beyond the second-level cache, as those of most networks are. */
const infos = Array.from({ length: 4 }, (_, i) => describeParameter(`layer${i}/kernel`, [1000, 1000]));
const learningRate = 1e-6;
const millions = infos.reduce((sum, { shape }) => sum + sizeOf(shape), 0) / 1e6;

/**
 * A transformation before plain SGD, in milliseconds a million parameters, one thread:
 *
 * - `transform/<name>/milliseconds`: fused. What it costs more than SGD alone is what the transformation costs.
 * - `transform/<name>/copy`: a plain copy of as many elements in that time, how many times.
 * - `transform/<name>/arrays`: how many times as fast as on the `arrays` backend.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [name, transformation] of chosenCases(
    { none: sgd({ learningRate }), ...cases },
    options.cases,
  )) {
    const optimizer = name === 'none' ? transformation : chain(transformation, sgd({ learningRate }));
    const { copy, fused } = (await ownRivals(infos, { fused: optimizer })).rivals;
    const arrays = onArrays(optimizer);
    const times = await interleave([copy, fused, { ...arrays, steps: 1 }], { rounds: 9, steps: 10 });
    const each = (rival: string) => times[rival].map((ms) => ms / millions);
    const over = (rival: string) => times[rival].map((ms, round) => ms / times.fused[round]);
    options.report(
      `${name}: fused ${spread(each('fused'))}, arrays ${spread(each('arrays'))}, copy ${spread(each('copy'))} ms a million`,
    );
    yield {
      key: `transform/${name}/milliseconds`,
      name: `${name} and SGD, fused: a million parameters`,
      value: digits(median(each('fused'))),
      unit: 'ms',
    };
    yield {
      key: `transform/${name}/copy`,
      name: `${name} and SGD, fused: times as fast as a plain copy`,
      value: digits(median(over('copy'))),
      unit: 'ratio',
    };
    yield {
      key: `transform/${name}/arrays`,
      name: `${name} and SGD, fused: times as fast as on the arrays backend`,
      value: digits(median(over('arrays'))),
      unit: 'ratio',
    };
  }
}

function onArrays(optimizer: GradientTransformation) {
  const filled = (stream: string) => {
    const random = randomStream(0, stream);
    return Object.fromEntries(
      infos.map(({ path, shape }) => {
        const data = new Float32Array(sizeOf(shape));
        fillNormal(random, data);
        return [path, { shape, data }];
      }),
    );
  };
  const [gradients, parameters] = [filled('gradients'), filled('parameters')];
  const named = Object.fromEntries(infos.map((info) => [info.path, info]));
  let state = init(optimizer, parameters, named);
  return timed('arrays', () => {
    const result = update(optimizer, gradients, state, parameters, named);
    state = result.state;
    for (const { path } of infos) {
      const [{ data }, change] = [parameters[path], result.updates[path].data];
      for (let i = 0; i < data.length; i++) data[i] += change[i];
    }
  });
}
