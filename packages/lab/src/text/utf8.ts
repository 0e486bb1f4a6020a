import { badInput } from '../expected-error.ts';

/**
 * The text that bytes stand for.
 *
 * @param where what the bytes are, for the message
 * @throws ExpectedError if they are not UTF-8, naming the first byte that is wrong, or if there is no text in them
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const offset = firstInvalid(bytes);
    throw badInput(
      `${where}: expected UTF-8 text, got byte 0x${bytes[offset].toString(16).padStart(2, '0')} at offset ${offset}. Convert the file, for example with \`iconv -t utf-8\`.`,
    );
  }
  if (text.trim() === '') throw badInput(`${where}: expected text, got none. Bring the whole file.`);
  return text;
}

/** The first byte of the first character that is none: the longest beginning that decodes ends before it. */
function firstInvalid(bytes: Uint8Array): number {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (decodes(bytes.subarray(0, middle), { stream: true })) low = middle;
    else high = middle - 1;
  }
  // It may end in the middle of a character: no more than three bytes of it.
  while (!decodes(bytes.subarray(0, low), {})) low--;
  return low;
}

function decodes(bytes: Uint8Array, options: TextDecodeOptions): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, options);
    return true;
  } catch {
    return false;
  }
}

/** The lines of a text; a line break at its end ends the last line and does not start another. */
export function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}
