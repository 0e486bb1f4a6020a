import type { JsTree, numpy as np } from '@jax-js/jax';

/** The path of an array that is a whole tree by itself. */
const rootPath = 'param';

/**
 * The arrays of a pytree by path, in the order of `tree.flatten`: names of objects and indices of lists, joined by
 * `/`. `{ layers: [{ w }] }` holds `layers/0/w`.
 *
 * @throws TypeError naming the path of a leaf that is not an array
 * @throws RangeError if two leaves have one path, `{ 'a/b': x, a: { b: y } }`
 */
export function arraysByPath(where: string, tree: JsTree<np.Array>): Record<string, np.Array> {
  const named: Record<string, np.Array> = {};
  const walk = (node: JsTree<np.Array>, path: string): void => {
    const inside = (name: string | number) => (path === '' ? `${name}` : `${path}/${name}`);
    if (Array.isArray(node)) for (const [index, child] of node.entries()) walk(child, inside(index));
    else if (isRecord(node)) for (const [name, child] of Object.entries(node)) walk(child, inside(name));
    else add(node, path === '' ? rootPath : path);
  };
  const add = (leaf: unknown, path: string): void => {
    if (typeof leaf !== 'object' || leaf === null || !('dtype' in leaf)) {
      throw new TypeError(
        `${where}: expected an array of jax-js, got ${leaf === null ? 'null' : typeof leaf} at '${path}'. Make it one with np.array().`,
      );
    }
    if (path in named) {
      throw new RangeError(
        `${where}: expected every array to have a path of its own, got two at '${path}'. Rename one.`,
      );
    }
    named[path] = leaf as np.Array;
  };
  walk(tree, '');
  return named;
}

function isRecord(node: JsTree<np.Array>): node is { [name: string]: JsTree<np.Array> } {
  return typeof node === 'object' && node !== null && node.constructor === Object;
}
