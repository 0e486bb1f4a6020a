import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { classification, createTrainer, type Engine, fillNormal, randomStream, resnet } from '@znorm/train';
import { adam, chain, znorm } from 'znorm';
import { type BenchOptions, chosenCases, type Result } from './interleave.ts';
import { peakMemory } from './peak-memory.ts';

const cases: Record<string, (options: BenchOptions, name: string) => Promise<Result | undefined>> = {
  native: slopeOf,
  wasm: slopeOf,
  peak: peakOverTorch,
};
const batchSize = 4;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [name, measure] of chosenCases(cases, options.cases)) {
    const result = await measure(options, name);
    if (result) yield result;
  }
}

/**
 * Whether a long run keeps its memory: 2,000 steps of a ResNet-8 with an evaluation now and then, on each engine.
 * The value is the slope of the resident memory over the last 1,000 steps, by least squares; before, the allocators of
 * the runtime still grow to their working size. One thread: memory does not depend on them.
 */
async function slopeOf({ report }: BenchOptions, engine: string): Promise<Result> {
  const samples = await residentMemory(engine as Engine);
  const settled = samples.filter(({ step }) => step >= 1000);
  report(`${engine}: ${samples.map(({ mebibytes }) => Math.round(mebibytes)).join(' ')} MiB`);
  return {
    key: `memory/resnet8-b4/${engine}`,
    name: `resident memory gained in 1,000 steps, ${engine}`,
    value: Number((1000 * slope(settled)).toFixed(2)),
    unit: 'MiB',
  };
}

/** How many times PyTorch's memory a training step of ResNet-20 takes. */
async function peakOverTorch(options: BenchOptions): Promise<Result | undefined> {
  const peak = await peakMemory(options);
  if (!peak) return undefined;
  options.report(`peak: ${Math.round(peak.own)} MiB, PyTorch ${Math.round(peak.torch)} MiB`);
  return {
    key: 'memory/resnet20-b128/torch',
    name: 'ResNet-20, batch 128: peak memory over PyTorch’s',
    value: Number((peak.own / peak.torch).toFixed(3)),
    unit: 'ratio',
  };
}

interface Sample {
  readonly step: number;
  readonly mebibytes: number;
}

async function residentMemory(engine: Engine): Promise<Sample[]> {
  const trainer = await createTrainer({
    objective: classification({ model: resnet({ depth: 8, classes: 10 }), input: { shape: [3, 32, 32] } }),
    optimizer: chain(znorm(), adam({ learningRate: 1e-3 })),
    batchSize,
    engine,
  });
  const inputs = new Float32Array(batchSize * 3072);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 10);
  const samples: Sample[] = [];
  for (let step = 0; step < 2000; step++) {
    fillNormal(randomStream(0, 'bench', step), inputs);
    await trainer.step({ inputs, labels });
    if (step % 125 === 0) {
      await trainer.evaluate({ inputs, labels });
      // Two sizes of last partial batch, so that sessions come and go as they do over epochs.
      for (const count of [1, 3])
        await trainer.evaluate({
          inputs: inputs.subarray(0, count * 3072),
          labels: labels.subarray(0, count),
        });
      collectGarbage();
      samples.push({ step, mebibytes: process.memoryUsage.rss() / 2 ** 20 });
    }
  }
  await trainer.dispose();
  return samples;
}

function slope(samples: readonly Sample[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ step }) => step)), mean(samples.map(({ mebibytes }) => mebibytes))];
  const products = samples.map(({ step, mebibytes }) => (step - x) * (mebibytes - y));
  return mean(products) / mean(samples.map(({ step }) => (step - x) ** 2));
}
