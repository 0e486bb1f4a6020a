import { failure } from '../expected-error.ts';
import type { ImageSplit, VerifiedFile } from './dataset-definition.ts';

/** An array of bytes in the IDX format of MNIST. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Where its elements begin in the file. */
  readonly start: number;
}

/**
 * Reads the header of an IDX file of unsigned bytes:
 *
 *     0, 0, type (8 = unsigned byte), rank r | r sizes, 32-bit big-endian | the elements, last index fastest
 *
 * @throws an expected error if the header is another one or the length does not follow from it
 */
export function parseIdx(file: VerifiedFile, name: string): IdxArray {
  const head = new Uint8Array(Math.min(file.bytes, 4 + 4 * 255));
  file.read(0, head);
  const view = new DataView(head.buffer);
  if (head.length < 4 || view.getUint16(0) !== 0 || head[2] !== 8) {
    throw failure(`${name} is not an IDX file of unsigned bytes`);
  }
  const rank = head[3]!;
  const start = 4 + 4 * rank;
  if (head.length < start) throw failure(`${name} ends inside its header`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = shape.reduce((product, size) => product * size, 1);
  if (file.bytes !== start + elements) {
    throw failure(`${name} holds ${file.bytes - start} elements, its header says ${shape.join(' × ')}`);
  }
  return { shape, start };
}

/** The four files of MNIST and of every set made in its image. */
export const IDX_FILES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;

/** Images of a data set in MNIST's four files, `[count, 1, height, width]`, and their labels. */
export async function decodeIdxDataset(
  open: (name: string) => Promise<VerifiedFile>,
  split: 'train' | 'test',
  wanted?: Uint32Array,
): Promise<ImageSplit> {
  const [imageFile, labelFile] = split === 'train' ? IDX_FILES.slice(0, 2) : IDX_FILES.slice(2);
  const pixels = await open(imageFile!);
  const classes = await open(labelFile!);
  const images = parseIdx(pixels, imageFile!);
  const labels = parseIdx(classes, labelFile!);
  if (images.shape[0] !== labels.shape[0]) {
    throw failure(`${imageFile} holds ${images.shape[0]} images, ${labelFile} ${labels.shape[0]} labels`);
  }
  if (wanted === undefined) {
    return {
      images: readRest(pixels, images.start),
      labels: readRest(classes, labels.start),
      count: labels.shape[0]!,
    };
  }
  const size = images.shape.slice(1).reduce((product, axis) => product * axis, 1);
  const all = readRest(classes, labels.start);
  const some = new Uint8Array(wanted.length * size);
  wanted.forEach((index, n) => {
    pixels.read(images.start + index * size, some.subarray(n * size, (n + 1) * size));
  });
  return { images: some, labels: Uint8Array.from(wanted, (index) => all[index]!), count: wanted.length };
}

function readRest(file: VerifiedFile, start: number): Uint8Array {
  const rest = new Uint8Array(file.bytes - start);
  file.read(start, rest);
  return rest;
}
