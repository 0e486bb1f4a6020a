/** A tensor in a safetensors file. The array's kind is its dtype. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: StoredArray;
}

export type StoredArray = Float64Array | Float32Array | Int32Array | Uint8Array;

export interface SafetensorsContent {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const arrayOfDtype = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;
type Dtype = keyof typeof arrayOfDtype;

/** The format's own limit. */
const largestHeader = 100_000_000;

/**
 * Writes the safetensors format: 8 bytes of header size, a JSON header padded to 8 bytes with spaces, then the
 * tensors without gaps, little-endian. Tensors of wider elements come first, which keeps every tensor aligned, then by
 * name: the order of the reference implementation, so equal content gives equal bytes.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export function encodeSafetensors({ tensors, metadata }: SafetensorsContent): Uint8Array {
  const entries = Object.entries(tensors).sort(
    ([a, { data: x }], [b, { data: y }]) => y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    const start = end;
    end += data.byteLength;
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;

  const bytes = new Uint8Array(8 + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, 8 + headerBytes);
  let offset = 8 + headerBytes;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * Reads the safetensors format. Every size is checked before it is used: a damaged or hostile file gives an error, not
 * a wrong tensor. The tensors own their data.
 *
 * @throws RangeError naming what is wrong with the file
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsContent {
  if (bytes.length < 8) throw malformed('at least 8 bytes', `${bytes.length}`);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (headerBytes > largestHeader) throw malformed('a header of at most 100 MB', `${headerBytes} bytes`);
  const start = 8 + headerBytes;
  if (start > bytes.length) throw malformed(`${headerBytes} bytes of header`, `${bytes.length - 8}`);

  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, start));
  if (!isTextTable(metadata))
    throw malformed('metadata of strings', JSON.stringify(metadata), '__metadata__');
  let filled = 0;
  const tensors = Object.entries(entries)
    .sort(byOffset)
    .map(([name, entry]): [string, StoredTensor] => {
      const { dtype, shape, data_offsets: offsets } = checkedEntry(name, entry);
      if (offsets[0] !== filled)
        throw malformed('tensors without gaps or overlaps', `offset ${offsets[0]}`, name);
      filled = offsets[1];
      if (start + filled > bytes.length) {
        throw malformed(`${filled} bytes of tensors`, `${bytes.length - start}. The file is truncated`, name);
      }
      // Not slice(): on a Node Buffer that shares memory.
      const own = new Uint8Array(bytes.subarray(start + offsets[0], start + filled));
      return [name, { shape, data: new arrayOfDtype[dtype](own.buffer) }];
    });
  if (start + filled !== bytes.length)
    throw malformed(`${filled} bytes of tensors`, `${bytes.length - start}`);
  return { tensors: Object.fromEntries(tensors), metadata };
}

interface Entry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function parseHeader(text: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return { ...header };
  } catch {
    // Not UTF-8 or not JSON: the same mistake to the reader.
  }
  throw malformed('a header that is a JSON object', 'something else');
}

function checkedEntry(name: string, entry: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Entry>;
  if (dtype === undefined || !Object.hasOwn(arrayOfDtype, dtype)) {
    throw malformed(`a dtype of ${Object.keys(arrayOfDtype).join(', ')}`, String(dtype), name);
  }
  if (!Array.isArray(shape) || !shape.every(isCount) || !Array.isArray(offsets) || !offsets.every(isCount)) {
    throw malformed('a shape and two offsets', JSON.stringify(entry), name);
  }
  const needed = shape.reduce((size, axis) => size * axis, arrayOfDtype[dtype].BYTES_PER_ELEMENT);
  if (offsets.length !== 2 || offsets[1] - offsets[0] !== needed) {
    throw malformed(`${needed} bytes for shape [${shape}]`, `offsets [${offsets}]`, name);
  }
  return { dtype, shape, data_offsets: [offsets[0], offsets[1]] };
}

function byOffset([, a]: [string, unknown], [, b]: [string, unknown]): number {
  const start = (entry: unknown) => (entry as Partial<Entry> | null)?.data_offsets?.[0] ?? 0;
  const end = (entry: unknown) => (entry as Partial<Entry> | null)?.data_offsets?.[1] ?? 0;
  return start(a) - start(b) || end(a) - end(b);
}

function isTextTable(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function dtypeOf(data: StoredArray): Dtype {
  const found = Object.entries(arrayOfDtype).find(([, kind]) => data instanceof kind);
  return found![0] as Dtype;
}

function malformed(expected: string, got: string, name?: string): RangeError {
  return new RangeError(
    `safetensors: expected ${expected}, got ${got}${name === undefined ? '' : ` at '${name}'`}.`,
  );
}
