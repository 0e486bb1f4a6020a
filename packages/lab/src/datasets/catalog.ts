import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';
import { cifar10 } from './cifar10.ts';
import type { DatasetDefinition } from './dataset-definition.ts';
import { fashionMnist } from './fashion-mnist.ts';
import { mnist } from './mnist.ts';

/** Every data set that znorm can fetch. */
export const datasets: readonly DatasetDefinition[] = [cifar10, fashionMnist, mnist];

/**
 * The data set of that name.
 *
 * @throws an expected error (bad input) that names the nearest one, or all
 */
export function findDataset<D extends { readonly name: string } = DatasetDefinition>(
  name: string,
  catalog: readonly D[] = datasets as readonly DatasetDefinition[] as unknown as readonly D[],
): D {
  const found = catalog.find((definition) => definition.name === name);
  if (found !== undefined) return found;
  const names = catalog.map((definition) => definition.name);
  throw badInput(
    `znorm: unknown data set '${name}'.${didYouMean(name, names) || ` There are ${names.join(', ')}.`}`,
  );
}
