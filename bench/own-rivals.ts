import { fillNormal, randomStream } from '@znorm/train';
import { describeParameter, type GradientTransformation, init, type ParameterInfo, sizeOf } from 'znorm';
import { createFusedUpdate, type InPlaceUpdate, planFused, updateTableBytes } from 'znorm/wasm';
import type { Rival } from './interleave.ts';

/** Tensors of a million parameters. */
export function largeTensors(count: number): readonly ParameterInfo[] {
  return Array.from({ length: count }, (_, i) => describeParameter(`layer${i}/kernel`, [1000, 1000]));
}

/** What several chains are bound to at once. */
export interface OwnRivals<Name extends string> {
  readonly rivals: Record<Name | 'copy', Rival>;
  readonly parameters: Readonly<Record<string, Float32Array>>;
  readonly gradients: Readonly<Record<string, Float32Array>>;
  /** Ends their threads. */
  dispose(): void;
}

/**
 * Chains bound to the same tensors, laid out as the trainer lays them out, and a copy of as many elements, by the main
 * thread.
 */
export async function ownRivals<Name extends string>(
  infos: readonly ParameterInfo[],
  chains: Readonly<Record<Name, GradientTransformation>>,
  threads = 1,
): Promise<OwnRivals<Name>> {
  const plans = Object.entries<GradientTransformation>(chains).map(([name, transformation]) => ({
    name,
    transformation,
    plan: planFused(transformation, infos),
  }));
  const page = 4096;
  const pages = (bytes: number) => Math.ceil(bytes / page) * page;
  const group = infos.reduce((bytes, { shape }) => bytes + pages(4 * sizeOf(shape)), 0);
  const bytes = 4 * group + plans.reduce((sum, { plan }) => sum + pages(updateTableBytes(plan, threads)), 0);
  const memoryPages = Math.ceil(bytes / 65536);
  const memory = new WebAssembly.Memory({
    initial: memoryPages,
    maximum: memoryPages,
    shared: threads > 1,
  });
  let end = 0;
  const place = (bytes: number) => {
    const offset = end;
    end += pages(bytes);
    return offset;
  };
  const tensors = () =>
    Object.fromEntries(
      infos.map(({ path, shape }) => {
        const length = sizeOf(shape);
        return [path, new Float32Array(memory.buffer, place(4 * length), length)];
      }),
    );
  const [parameters, gradients, first, second] = [tensors(), tensors(), tensors(), tensors()];
  const random = randomStream(0, 'gradients');
  for (const { path } of infos) {
    fillNormal(random, gradients[path]);
    fillNormal(random, parameters[path]);
  }
  const named = Object.fromEntries(infos.map(({ path, shape }) => [path, { shape, data: parameters[path] }]));
  const slots = Object.fromEntries(
    infos.map(({ path }) => [
      path,
      { 'scaleByAdam.mu': first[path], 'scaleByAdam.nu': second[path], 'trace.trace': first[path] },
    ]),
  );

  const rivals: Record<string, Rival> = {
    copy: timed('copy', () => {
      for (const { path } of infos) first[path].set(gradients[path]);
    }),
  };
  const updates: InPlaceUpdate[] = [];
  for (const { name, transformation, plan } of plans) {
    const size = updateTableBytes(plan, threads);
    const tables = new Uint8Array(memory.buffer, place(size), size);
    const placed = { memory, parameters, gradients, slots, tables };
    const update = await createFusedUpdate(plan, placed, { threads });
    updates.push(update);
    let state = update.adopt(
      init(transformation, named, Object.fromEntries(infos.map((info) => [info.path, info]))),
    );
    rivals[name] = timed(name, () => {
      state = update.step(state).state;
    });
  }
  return {
    rivals: rivals as Record<Name | 'copy', Rival>,
    parameters,
    gradients,
    dispose() {
      for (const update of updates) update.dispose();
    },
  };
}

/** A step of ours as a rival. */
export function timed(name: string, step: () => void | Promise<void>): Rival {
  return {
    name,
    async measure(steps) {
      const times: number[] = [];
      for (let i = 0; i < steps; i++) {
        const start = performance.now();
        await step();
        times.push(performance.now() - start);
      }
      return times;
    },
  };
}
