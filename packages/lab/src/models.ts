import {
  cnn,
  densenet,
  type Layer,
  mlp,
  type NormalizationKind,
  preactivationResnet,
  resnet,
  vgg,
} from '@znorm/train';
import { badInput } from './expected-error.ts';

interface Family {
  /** What stands for the depth in `resnet20`; none for a family of one. */
  readonly depths: readonly number[];
  /** Height and width that its pooling needs. @default 1 */
  readonly smallest?: number;
  readonly build: (depth: number, classes: number, normalization?: NormalizationKind) => Layer;
}

const residualDepths = [8, 14, 20, 32, 44, 56, 110];

/** The networks for images, by the part of their name before the depth. */
const families: Readonly<Record<string, Family>> = {
  resnet: {
    depths: residualDepths,
    build: (depth, classes, normalization) => resnet({ depth, classes, normalization }),
  },
  /** The same without skips. */
  plain: {
    depths: residualDepths,
    build: (depth, classes, normalization) => resnet({ depth, classes, skips: false, normalization }),
  },
  preact: {
    depths: residualDepths,
    build: (depth, classes, normalization) => preactivationResnet({ depth, classes, normalization }),
  },
  densenet: {
    depths: [22, 40, 100],
    build: (depth, classes, normalization) => densenet({ depth, classes, normalization }),
  },
  vgg: {
    depths: [11, 13, 16, 19],
    smallest: 32,
    build: (depth, classes, normalization) =>
      vgg({ depth: depth as 11 | 13 | 16 | 19, classes, normalization }),
  },
  cnn: { depths: [], build: (_, classes, normalization) => cnn({ classes, normalization }) },
  mlp: {
    depths: [],
    build(_, classes, normalization) {
      if (normalization === undefined) return mlp({ hidden: [256, 128], classes });
      throw badInput(
        `compare: expected setting \`normalization\` to be usual for model 'mlp', which has no such layers, got "${normalization}".`,
      );
    },
  },
};

/** Names of the networks for images of a shape: `resnet20`, `plain20`, `preact20`, `densenet22`, `vgg11`, `cnn`, `mlp`. */
export function imageModels([, height, width]: readonly [number, number, number]): readonly string[] {
  return Object.entries(families).flatMap(([family, { depths, smallest = 1 }]) => {
    if (Math.min(height, width) < smallest) return [];
    return depths.length === 0 ? [family] : depths.map((depth) => `${family}${depth}`);
  });
}

/** What a network can be normalized by; `usual` leaves it as it was published. */
export const normalizations: readonly (NormalizationKind | 'usual')[] = [
  'usual',
  'batch',
  'layer',
  'group',
  'instance',
  'none',
];

/** Builds one of `imageModels`. @throws ExpectedError for a normalization that the network has no place for */
export function imageModel(
  name: string,
  classes: number,
  normalization: NormalizationKind | 'usual' = 'usual',
): Layer {
  const [, family, depth] = /^([a-z]+)(\d*)$/.exec(name)!;
  return families[family].build(
    Number(depth),
    classes,
    normalization === 'usual' ? undefined : normalization,
  );
}
