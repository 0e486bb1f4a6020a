import { createXXHash128 } from 'hash-wasm';

/** A fingerprint of the bytes of its arguments, one after the other: 32 hexadecimal digits (XXH3, 128 bits). */
export type Digest = (...parts: readonly (string | ArrayBufferView)[]) => string;

/**
 * Makes a `Digest`, to show that two runs hold the same weights or saw the same batches: several GB/s, so that
 * hashing every batch costs well under a percent of a step. It guards against mistakes, not against forgery.
 *
 * @example
 * const digest = await createDigest();
 * hash = digest(hash, batch.inputs, batch.labels); // a running hash of everything seen so far
 */
export async function createDigest(): Promise<Digest> {
  const hasher = await createXXHash128();
  return (...parts) => {
    hasher.init();
    for (const part of parts) {
      hasher.update(
        typeof part === 'string' ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
      );
    }
    return hasher.digest();
  };
}
