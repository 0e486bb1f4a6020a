/// <reference types="node" />
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Saves models and optimizer states into a folder, in Node and without tfjs-node: `model.json` and `weights.bin`, as
 * TensorFlow.js lays them out, so that a server may serve them and `tf.loadLayersModel(url)` finds them. A file is
 * replaced only when the new one is complete.
 *
 *     await model.save(fileSystem('checkpoint/model'));
 *     await optimizer.saveState(fileSystem('checkpoint/optimizer'));
 *
 * @param folder made where it is not there
 * @throws Error of the file system when it loads what was never saved
 * @example
 * const optimizer = tfjsOptimizer(adam());
 * const saved = fileSystem(`${tmpdir()}/znorm-example`);
 * await optimizer.saveState(saved);
 * await optimizer.loadState(saved);
 */
export function fileSystem(folder: string): tf.io.IOHandler {
  return {
    async save(artifacts) {
      const { weightData, weightSpecs = [], modelTopology, ...rest } = artifacts;
      if (modelTopology instanceof ArrayBuffer) {
        throw new TypeError('fileSystem: expected a model topology as JSON, got bytes. Save a layers model.');
      }
      await mkdir(folder, { recursive: true });
      const weightsManifest = [{ paths: [weightsFile], weights: weightSpecs }];
      const bytes = tf.io.CompositeArrayBuffer.join(weightData);
      await replace(join(folder, weightsFile), new Uint8Array(bytes));
      await replace(join(folder, modelFile), JSON.stringify({ modelTopology, ...rest, weightsManifest }));
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    },
    async load() {
      const json: tf.io.ModelJSON = JSON.parse(await readFile(join(folder, modelFile), 'utf8'));
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const files = manifest.flatMap(({ paths }) => paths).map((path) => readFile(join(folder, path)));
        const buffers = (await Promise.all(files)).map((file) => new Uint8Array(file).buffer);
        return [tf.io.getWeightSpecs(manifest), tf.io.CompositeArrayBuffer.join(buffers)];
      });
    },
  };
}

const modelFile = 'model.json';
const weightsFile = 'weights.bin';

async function replace(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}
