import { type Layer, mlp, resnet } from '@znorm/train';
import { didYouMean } from './did-you-mean.ts';
import { badInput } from './expected-error.ts';

/** The networks a comparison can name: `resnet20` and its like, `plain20` (the same without skips), `mlp`. */
export const modelNames: readonly string[] = [
  ...[8, 14, 20, 32, 44, 56, 110].flatMap((depth) => [`resnet${depth}`, `plain${depth}`]),
  'mlp',
];

/** Builds a network by name. @throws ExpectedError naming the unknown model */
export function modelByName(name: string, classes: number): Layer {
  const [, family, depth] = /^(resnet|plain)(\d+)$/.exec(name) ?? [];
  if (!modelNames.includes(name)) {
    const near = didYouMean(name, modelNames);
    throw badInput(`compare: unknown model '${name}'.${near || ` Known: ${modelNames.join(', ')}.`}`);
  }
  if (name === 'mlp') return mlp({ hidden: [256, 128], classes });
  return resnet({ depth: Number(depth), classes, skips: family === 'resnet' });
}
