import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensor } from './named-state.ts';

const format = 'znorm-optimizer';

/**
 * Writes named tensors where TensorFlow.js writes models.
 *
 * @param target a URL that a registered handler knows (`indexeddb://…`, `localstorage://…`, `downloads://…`,
 *   `http://…`; `file://…` with tfjs-node), or a handler
 */
export async function saveTensors(
  where: string,
  target: string | tf.io.IOHandler,
  tensors: NamedTensor[],
): Promise<tf.io.SaveResult> {
  const handler = typeof target === 'string' ? onlyHandler(where, 'save', target) : target;
  if (typeof handler?.save !== 'function') throw handlerError(where, 'save', target);
  const { data, specs } = await tf.io.encodeWeights(tensors, 'optimizer');
  // Handlers ask for a topology: some of them store nothing without one.
  return handler.save({
    modelTopology: { format },
    format,
    generatedBy: 'znorm',
    weightSpecs: specs,
    weightData: data,
  });
}

/** Reads what `saveTensors` wrote; the caller disposes of the tensors. */
export async function loadTensors(where: string, source: string | tf.io.IOHandler): Promise<NamedTensor[]> {
  const handler = typeof source === 'string' ? onlyHandler(where, 'load', source) : source;
  if (typeof handler?.load !== 'function') throw handlerError(where, 'load', source);
  const { weightData, weightSpecs, format: found } = await handler.load();
  if (weightData === undefined || weightSpecs === undefined || found !== format) {
    throw new RangeError(
      `${where}: expected what saveState() wrote (format '${format}'), got format '${found}'. A model saved with its optimizer is loaded by tf.loadLayersModel().`,
    );
  }
  const tensors = tf.io.decodeWeights(weightData, weightSpecs);
  return weightSpecs.map(({ name }) => ({ name, tensor: tensors[name] }));
}

function onlyHandler(where: string, does: 'save' | 'load', url: string): tf.io.IOHandler {
  const handlers = does === 'save' ? tf.io.getSaveHandlers(url) : tf.io.getLoadHandlers(url);
  if (handlers.length !== 1) {
    throw new RangeError(
      `${where}: expected a URL that one handler can ${does}, got '${url}', which ${handlers.length || 'none'} can. Pass a handler: in Node, fileSystem(folder) of znorm/tfjs-node.`,
    );
  }
  return handlers[0] as tf.io.IOHandler;
}

function handlerError(where: string, does: 'save' | 'load', got: unknown): TypeError {
  return new TypeError(
    `${where}: expected a URL or a handler with ${does}(), got ${got === null ? 'null' : typeof got}.`,
  );
}
