import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

export type HashName = 'md5' | 'sha1' | 'sha512';

/** The checksum of bytes in memory, hexadecimal. */
export function checksum(hash: HashName, bytes: Uint8Array): string {
  return createHash(hash).update(bytes).digest('hex');
}

/** The checksum of a file, hexadecimal; in constant memory. */
export async function checksumOfFile(hash: HashName, path: string, signal?: AbortSignal): Promise<string> {
  const digest = createHash(hash);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest, { signal });
  return digest.digest('hex');
}
