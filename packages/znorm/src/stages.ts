import type { ParameterInfo } from './parameters.ts';
import type { GradientTransformation, Primitive } from './transformation.ts';

/** A primitive in its place in a chain. */
export interface Stage {
  /** Its name, with `#2`, `#3` … where the chain has several of one name: the prefix of its state and its scalars. */
  readonly key: string;
  readonly primitive: Primitive;
  readonly applies: (parameter: ParameterInfo) => boolean;
}

/**
 * A chain as the flat list of its primitives, in order. Everything that reads a chain (the runner, the graph emitter,
 * the planner, the linter) reads this list.
 *
 * @example
 * stages(chain(znorm(), adam({ learningRate: 1e-3 }))).map((stage) => stage.key);
 * // ['znorm', 'scaleByAdam', 'scaleByLearningRate']
 */
export function stages(transformation: GradientTransformation): readonly Stage[] {
  const seen = new Map<string, number>();
  return primitives(transformation, () => true).map(({ primitive, applies }) => {
    const count = (seen.get(primitive.name) ?? 0) + 1;
    seen.set(primitive.name, count);
    return { key: count === 1 ? primitive.name : `${primitive.name}#${count}`, primitive, applies };
  });
}

function primitives(
  transformation: GradientTransformation,
  selected: (parameter: ParameterInfo) => boolean,
): Omit<Stage, 'key'>[] {
  const own = transformation.applies;
  const applies = own ? (parameter: ParameterInfo) => selected(parameter) && own(parameter) : selected;
  if ('parts' in transformation) return transformation.parts.flatMap((part) => primitives(part, applies));
  return [{ primitive: transformation, applies }];
}
