import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { failure } from '../expected-error.ts';

/** An array of bytes in an HDF5 file, of which any rows can be read without the others. */
export interface Hdf5Bytes {
  readonly shape: readonly number[];
  /** Rows `first` to `end` along the first axis. */
  readonly rows: (first: number, end: number) => Uint8Array;
  readonly close: () => void;
}

const SIGNATURE = '\x89HDF\r\n\x1a\n';

/**
 * Opens one array of unsigned bytes. HDF5 reads and unpacks only the chunks that hold the rows asked for.
 *
 * @throws an expected error if the file is not HDF5, is truncated, or holds no such array
 */
export async function openHdf5Bytes(path: string, dataset: string): Promise<Hdf5Bytes> {
  const name = basename(path);
  if (!hasSignature(path)) throw failure(`${name} is not an HDF5 file`);
  const { File, ready, Dataset } = await import('h5wasm/node');
  // Without it, HDF5 writes its errors to the console.
  (await ready).activate_throwing_error_handler();
  const truncated = (cause: unknown) => failure(`${name} is truncated or damaged`, { cause });
  const opened = attempt(() => new File(path, 'r'), truncated);
  const array = attempt(() => opened.get(dataset), truncated);
  if (!(array instanceof Dataset) || array.dtype !== '<B' || array.shape === null) {
    opened.close();
    throw failure(`${name} holds no array '${dataset}' of unsigned bytes`);
  }
  const { shape } = array;
  return {
    shape,
    rows: (first, end) =>
      attempt(
        () => array.slice([[first, end], ...shape.slice(1).map((): [] => [])] as never) as Uint8Array,
        truncated,
      ),
    close: () => void opened.close(),
  };
}

function attempt<T>(action: () => T, problem: (cause: unknown) => Error): T {
  try {
    return action();
  } catch (error) {
    throw problem(error);
  }
}

function hasSignature(path: string): boolean {
  const start = Buffer.alloc(SIGNATURE.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  return start.toString('latin1') === SIGNATURE;
}
