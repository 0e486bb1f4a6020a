import { decode } from 'tiff';
import { failure } from '../expected-error.ts';

/** A picture of 8 bits a channel. */
export interface TiffImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** `[height, width, channels]` */
  readonly data: Uint8Array;
}

/**
 * Reads the first picture of a TIFF file.
 *
 * @throws an expected error if the bytes are not a TIFF file, end early, or hold anything but 8 bits a channel
 */
export function decodeTiff(bytes: Uint8Array, name: string): TiffImage {
  // `II` or `MM` for the byte order, then 42.
  const magic =
    bytes.length >= 4 ? String.fromCharCode(...bytes.subarray(0, 2)) + bytes[magicByte(bytes)] : '';
  if (magic !== 'II42' && magic !== 'MM42') throw failure(`${name} is not a TIFF image`);
  const page = decoded(bytes, name);
  const { width, height, components, data } = page;
  if (page.bitsPerSample !== 8 || !(data instanceof Uint8Array))
    throw failure(`${name} has ${page.bitsPerSample} bits a channel instead of 8`);
  if (data.length !== width * height * components) throw truncated(name);
  return { width, height, channels: components, data };
}

const magicByte = (bytes: Uint8Array) => (bytes[0] === 0x4d ? 3 : 2);

function decoded(bytes: Uint8Array, name: string) {
  try {
    const [page] = decode(bytes, { pages: [0] });
    if (page !== undefined) return page;
  } catch (error) {
    throw truncated(name, error);
  }
  throw truncated(name);
}

function truncated(name: string, cause?: unknown) {
  return failure(`${name} is truncated or damaged`, { cause });
}
