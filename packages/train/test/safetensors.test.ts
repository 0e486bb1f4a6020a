import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../src/safetensors.ts';

/** A file as text: `size` as the 8 bytes of the header's length, then the header and the data. */
function file(size: number, header: string, data: readonly number[] = []): Uint8Array {
  const sizeBytes = new Uint8Array(new BigUint64Array([BigInt(size)]).buffer);
  return Uint8Array.from([...sizeBytes, ...new TextEncoder().encode(header), ...data]);
}

const ramp = new Float32Array([0, 1, 2, 3, 4, 5]);

/** Expected files of the reference implementation: huggingface/safetensors, safetensors/src/tensor.rs, tests. */
const golden = {
  'one tensor': {
    content: { tensors: { 'attn.0': { shape: [1, 2, 3], data: ramp } }, metadata: {} },
    bytes: [
      64, 0, 0, 0, 0, 0, 0, 0, 123, 34, 97, 116, 116, 110, 46, 48, 34, 58, 123, 34, 100, 116, 121, 112, 101,
      34, 58, 34, 70, 51, 50, 34, 44, 34, 115, 104, 97, 112, 101, 34, 58, 91, 49, 44, 50, 44, 51, 93, 44, 34,
      100, 97, 116, 97, 95, 111, 102, 102, 115, 101, 116, 115, 34, 58, 91, 48, 44, 50, 52, 93, 125, 125, 0, 0,
      0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64,
    ],
  },
  'a header that needs padding': {
    content: { tensors: { attn0: { shape: [1, 1, 2, 3], data: ramp } }, metadata: {} },
    bytes: [
      72, 0, 0, 0, 0, 0, 0, 0, 123, 34, 97, 116, 116, 110, 48, 34, 58, 123, 34, 100, 116, 121, 112, 101, 34,
      58, 34, 70, 51, 50, 34, 44, 34, 115, 104, 97, 112, 101, 34, 58, 91, 49, 44, 49, 44, 50, 44, 51, 93, 44,
      34, 100, 97, 116, 97, 95, 111, 102, 102, 115, 101, 116, 115, 34, 58, 91, 48, 44, 50, 52, 93, 125, 125,
      32, 32, 32, 32, 32, 32, 32, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0,
      160, 64,
    ],
  },
  'no tensor': {
    content: { tensors: {}, metadata: {} },
    bytes: [8, 0, 0, 0, 0, 0, 0, 0, 123, 125, 32, 32, 32, 32, 32, 32],
  },
  'metadata alone': {
    content: { tensors: {}, metadata: { framework: 'pt' } },
    bytes: [
      40, 0, 0, 0, 0, 0, 0, 0, 123, 34, 95, 95, 109, 101, 116, 97, 100, 97, 116, 97, 95, 95, 34, 58, 123, 34,
      102, 114, 97, 109, 101, 119, 111, 114, 107, 34, 58, 34, 112, 116, 34, 125, 125, 32, 32, 32, 32, 32,
    ],
  },
};

describe.each(Object.entries(golden))('%s', (_, { content, bytes }) => {
  test('is written as the reference implementation writes it', () => {
    expect([...encodeSafetensors(content)]).toEqual(bytes);
  });
  test('is read back', () => {
    expect(decodeSafetensors(Uint8Array.from(bytes))).toEqual(content);
  });
});

test('every element type survives, aligned, whatever the order of names', () => {
  const tensors = {
    a: { shape: [3], data: new Uint8Array([1, 2, 255]) },
    b: { shape: [2, 1], data: new Int32Array([-1, 2 ** 31 - 1]) },
    c: { shape: [2], data: new Float64Array([Math.PI, -0]) },
    d: { shape: [], data: new Float32Array([Number.NaN]) },
    e: { shape: [2, 0], data: new Float32Array(0) },
  };
  const bytes = encodeSafetensors({ tensors, metadata: { text: 'ä"\n' } });
  expect(decodeSafetensors(bytes)).toEqual({ tensors, metadata: { text: 'ä"\n' } });
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + bytes[0] + 256 * bytes[1])));
  expect(Object.keys(header)).toEqual(['__metadata__', 'c', 'b', 'd', 'e', 'a']);
});

test('a view into a larger buffer is stored alone, and a file inside one is read', () => {
  const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
  const bytes = encodeSafetensors({ tensors: { view: { shape: [2], data: view } }, metadata: {} });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  expect([...decodeSafetensors(shifted.subarray(3)).tensors.view.data]).toEqual([1, 2]);
});

test('tensors read from a Buffer, as files give it, own their data', () => {
  const bytes = Buffer.from(
    encodeSafetensors({ tensors: { ramp: { shape: [6], data: ramp } }, metadata: {} }),
  );
  const { data } = decodeSafetensors(bytes).tensors.ramp;
  bytes.fill(0);
  expect(data.buffer.byteLength).toBe(24);
  expect([...data]).toEqual([...ramp]);
});

const one = '{"t":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}';
const two = `${one.slice(0, -1)},${one.slice(1).replace('"t"', '"u"')}`;
const sixteen = new Array(16).fill(0);

test.each([
  ['an empty file', new Uint8Array(0), 'safetensors: expected at least 8 bytes, got 0.'],
  [
    'a giant header',
    file(2 ** 40, one, sixteen),
    'safetensors: expected a header of at most 100 MB, got 1099511627776 bytes.',
  ],
  ['a header past the end', file(99, one), 'safetensors: expected 99 bytes of header, got 57.'],
  [
    'a header that is not JSON',
    file(1, '{'),
    'safetensors: expected a header that is a JSON object, got something else.',
  ],
  [
    'a header that is not UTF-8',
    Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 255]),
    'safetensors: expected a header that is a JSON object, got something else.',
  ],
  [
    'a truncated tensor',
    file(57, one, sixteen.slice(2)),
    "safetensors: expected 16 bytes of tensors, got 14. The file is truncated at 't'.",
  ],
  [
    'bytes after the last tensor',
    file(57, one, [...sixteen, 1]),
    'safetensors: expected 16 bytes of tensors, got 17.',
  ],
  [
    'a shape that does not match its bytes',
    file(56, one.replace('16]', '4]'), sixteen),
    "safetensors: expected 16 bytes for shape [2,2], got offsets [0,4] at 't'.",
  ],
  [
    'a negative axis',
    file(58, one.replace('[2,2]', '[-2,2]'), sixteen),
    `safetensors: expected a shape and two offsets, got {"dtype":"I32","shape":[-2,2],"data_offsets":[0,16]} at 't'.`,
  ],
  [
    'an element type that is no type',
    file(62, one.replace('I32', 'toString'), sixteen),
    "safetensors: expected a dtype of F64, F32, I32, U8, got toString at 't'.",
  ],
  [
    'tensors that share bytes',
    file(two.length, two, sixteen),
    "safetensors: expected tensors without gaps or overlaps, got offset 0 at 'u'.",
  ],
  [
    'metadata that is not text',
    file(28, '{"__metadata__":{"step":1}}  '),
    `safetensors: expected metadata of strings, got {"step":1} at '__metadata__'.`,
  ],
])('%s is an error that says so', (_, bytes, message) => {
  expect(() => decodeSafetensors(bytes)).toThrow(new RangeError(message));
});
