import { type Layer, mlp, resnet } from '@znorm/train';

/** The networks for images, by name: `resnet20` and its like, `plain20` (the same without skips), `mlp`. */
export const imageModels: readonly string[] = [
  ...[8, 14, 20, 32, 44, 56, 110].flatMap((depth) => [`resnet${depth}`, `plain${depth}`]),
  'mlp',
];

/** Builds one of `imageModels`. */
export function imageModel(name: string, classes: number): Layer {
  const [, family, depth] = /^(resnet|plain)(\d+)$/.exec(name) ?? [];
  if (family) return resnet({ depth: Number(depth), classes, skips: family === 'resnet' });
  return mlp({ hidden: [256, 128], classes });
}
