import * as tf from '@tensorflow/tfjs-core';

/** As it was when this module was loaded: every copy of TensorFlow.js that loads puts its own in place. */
const platform = tf.env().platform;

/**
 * All copies of TensorFlow.js in a program share one engine, made by the first to load, and overwrite each other's
 * kernels and settings in it. That fails late and far from its cause; so it is refused early.
 *
 * @throws Error if a second copy has been loaded, before this module or after it
 */
export function requireOneCopy(where: string): void {
  const isFirst = tf.env().constructor === tf.Environment;
  if (isFirst && !isAnothersPlatform(tf.env().platform)) return;
  throw new Error(
    `${where}: expected one copy of @tensorflow/tfjs-core in the program, got two, one of them ${tf.version_core}. Run \`npm ls @tensorflow/tfjs-core\`, then \`npm dedupe\`; with a script tag, do not bundle another.`,
  );
}

/** A class of the same name that is not the same: one that a program brings itself has a name of its own. */
function isAnothersPlatform(now: tf.Platform | undefined): boolean {
  const before = platform?.constructor;
  return now?.constructor !== before && now?.constructor.name === before?.name;
}
