import { fromJSON } from 'znorm';
import {
  byPath,
  chains,
  errorsAgainstArrays,
  gradients,
  infos,
  start,
} from '../../../znorm/test/conformance/chain-grid.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { onnxCarrier } from './onnx.ts';
import { carried } from './trajectory.ts';

/**
 * Takes the steps of a chain of the conformance grid as nodes of an ONNX graph.
 *
 * @returns by variable, the largest difference from plain arrays over the largest value
 */
export async function errorsOnOnnx(name: string, engine: Engine): Promise<Record<string, number>> {
  const setting = { infos: byPath, params: start, steps: gradients.length };
  const { trajectory } = await carried(
    onnxCarrier(engine),
    fromJSON(chains[name]!),
    (path, step) => gradients[step]![path]!,
    setting,
  );
  const last = trajectory[trajectory.length - 1]!;
  return errorsAgainstArrays(
    chains[name]!,
    Object.fromEntries(infos.map(({ path }) => [path, last[`params|all|${path}`]!.data])),
  );
}
