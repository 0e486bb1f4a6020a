import { optionError } from './option-checks.ts';
import { type ParameterInfo, type ParameterRole, parameterRoles } from './parameters.ts';

/**
 * Which parameters a transformation touches, as data, so that a chain can be saved. All named conditions must hold.
 *
 * @example
 * masked(znorm(), { not: { role: ['bias', 'normalization'] } })
 * masked(addDecayedWeights({ weightDecay: 0.01 }), { minRank: 2 })
 */
export interface Selector {
  /** Any of these roles. */
  readonly role?: ParameterRole | readonly ParameterRole[];
  /** Any of these paths; `*` stands for any run of characters, `/` included. */
  readonly path?: string | readonly string[];
  /** At least this many axes: 2 leaves out biases and normalization parameters. */
  readonly minRank?: number;
  /** What must not hold. */
  readonly not?: Selector;
}

/** A selector, or a predicate for what a selector cannot say. A chain with a predicate runs but cannot be saved. */
export type Selection = Selector | ((parameter: ParameterInfo) => boolean);

const selectorKeys = ['role', 'path', 'minRank', 'not'];

/** Turns a selection into a predicate. @throws RangeError naming the unknown key, role or value. */
export function selects(where: string, selection: Selection): (parameter: ParameterInfo) => boolean {
  if (typeof selection === 'function') return selection;
  if (selection === null || typeof selection !== 'object' || Array.isArray(selection)) {
    throw optionError(
      where,
      'select',
      'to be a selector such as { role: "kernel" } or a predicate',
      selection,
    );
  }
  for (const key of Object.keys(selection)) {
    if (!selectorKeys.includes(key))
      throw optionError(where, 'select', `to have only ${selectorKeys.join(', ')}`, key);
  }
  const roles = selection.role === undefined ? undefined : [selection.role].flat();
  for (const role of roles ?? []) {
    if (!parameterRoles.includes(role)) {
      throw optionError(where, 'select.role', `to be one of ${parameterRoles.join(', ')}`, role);
    }
  }
  const globs = selection.path === undefined ? undefined : [selection.path].flat();
  for (const glob of globs ?? []) {
    if (typeof glob !== 'string') throw optionError(where, 'select.path', 'to be a pattern or a list', glob);
  }
  const patterns = globs?.map(globPattern);
  const minRank = selection.minRank ?? 0;
  if (!Number.isSafeInteger(minRank)) {
    throw optionError(where, 'select.minRank', 'to be a whole number', minRank);
  }
  const excluded = selection.not === undefined ? undefined : selects(where, selection.not);
  return (parameter) =>
    (roles === undefined || roles.includes(parameter.role)) &&
    (patterns === undefined || patterns.some((pattern) => pattern.test(parameter.path))) &&
    parameter.shape.length >= minRank &&
    !excluded?.(parameter);
}

function globPattern(glob: string): RegExp {
  const literal = glob.split('*').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`);
}
