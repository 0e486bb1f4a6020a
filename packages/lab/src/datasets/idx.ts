import { failure } from '../expected-error.ts';
import type { DatasetSplits, ImageSplit } from './dataset-definition.ts';

/** An array of bytes in the IDX format of MNIST. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** A view of the bytes given, not a copy. */
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes:
 *
 *     0, 0, type (8 = unsigned byte), rank r | r sizes, 32-bit big-endian | the elements, last index fastest
 *
 * @throws an expected error if the header is another one or the length does not follow from it
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0 || bytes[2] !== 8) {
    throw failure(`${name} is not an IDX file of unsigned bytes`);
  }
  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw failure(`${name} ends inside its header`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== start + elements) {
    throw failure(`${name} holds ${bytes.length - start} elements, its header says ${shape.join(' × ')}`);
  }
  return { shape, data: bytes.subarray(start) };
}

/** The four files of MNIST and of every set made in its image. */
export const IDX_FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;

/** Splits of a data set in MNIST's four files. Images `[count, 1, height, width]`. */
export async function decodeIdxDataset(read: (name: string) => Promise<Uint8Array>): Promise<DatasetSplits> {
  const [trainImages, trainLabels, testImages, testLabels] = IDX_FILES;
  return { train: await split(trainImages, trainLabels), test: await split(testImages, testLabels) };

  async function split(imageFile: string, labelFile: string): Promise<ImageSplit> {
    const images = parseIdx(await read(imageFile), imageFile);
    const labels = parseIdx(await read(labelFile), labelFile);
    if (images.shape[0] !== labels.shape[0]) {
      throw failure(`${imageFile} holds ${images.shape[0]} images, ${labelFile} ${labels.shape[0]} labels`);
    }
    return { images: images.data, labels: labels.data, count: labels.data.length };
  }
}
