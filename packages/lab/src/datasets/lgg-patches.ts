import { integer, randomStream } from '@znorm/train';
import type { ImportContext, ImportedDataset } from './imported-dataset.ts';
import { cachedSamples } from './imported-dataset.ts';
import { type LggExamination, lgg, lggPatients } from './lgg.ts';
import { openSamples } from './sample-file.ts';

const SIZE = 256;
const PATCH = 96;
/** PCam's rule: only the centre decides the label. */
const CENTRE = 32;
/** Patches of each class that are cut from a slice, where it has any. */
const EACH = 4;
/** Places tried for one patch. */
const TRIES = 50;

export const lggPatches: ImportedDataset = {
  name: 'lgg-patches',
  title: 'Patches of LGG MRI',
  description: 'brain MRI patches, 96×96, 3 sequences; tumour in the centre or not',
  licence: lgg.licence,
  homepage: lgg.homepage,
  published: 'up to 8 patches a slice',
  shape: [3, PATCH, PATCH],
  target: 'label',
  wanted: lgg.wanted,
  async read(path, into, context) {
    const examinations = path === undefined ? examinationsInCache(context) : lggPatients(path, context);
    for await (const { group, patient, slices } of examinations) {
      into.group(group, patient);
      let number = 0;
      for await (const { image, mask } of slices) {
        const places = patchPlaces(image, mask, `${group}/${++number}`);
        for (const { left, top, label } of places)
          await into.add(cut(image, left, top), Uint8Array.of(label));
      }
    }
  },
};

async function* examinationsInCache({ cache }: ImportContext): AsyncGenerator<LggExamination> {
  const { folder, manifest } = await cachedSamples(lgg, { cache });
  const reader = openSamples(folder, manifest);
  try {
    for (const { name, patient = name, first, count } of manifest.groups) {
      async function* slices() {
        for (let i = first; i < first + count; i++) {
          const image = new Uint8Array(3 * SIZE * SIZE);
          const mask = new Uint8Array(SIZE * SIZE);
          reader.read(i, image, mask);
          yield { patient, image, mask };
        }
      }
      yield { group: name, patient, slices: slices() };
    }
  } finally {
    reader.close();
  }
}

interface Place {
  readonly left: number;
  readonly top: number;
  readonly label: 0 | 1;
}

/**
 * Where patches are cut from a slice: label 1 if the centre 32×32 holds a pixel of the mask, as in PCam. Those without
 * must have tissue in at least half of their centre, or most would be black; and a slice without tumour gives one, so
 * that healthy slices are seen without outnumbering the others.
 */
function patchPlaces(image: Uint8Array, mask: Uint8Array, name: string): Place[] {
  const next = randomStream(0, `lgg patches ${name}`);
  const places: Place[] = [];
  const wanted = [mask.includes(1) ? EACH : 1, mask.includes(1) ? EACH : 0];
  for (let tries = 0; tries < TRIES * EACH && wanted[0]! + wanted[1]! > 0; tries++) {
    const left = integer(next, SIZE - PATCH + 1);
    const top = integer(next, SIZE - PATCH + 1);
    const { tumour, tissue } = centreOf(image, mask, left, top);
    const label = tumour > 0 ? 1 : 0;
    if (wanted[label] === 0 || (label === 0 && tissue < (CENTRE * CENTRE) / 2)) continue;
    wanted[label]!--;
    places.push({ left, top, label });
  }
  return places;
}

/** Pixels of the mask, and pixels brighter than air in the FLAIR sequence, in the centre of a patch. */
function centreOf(image: Uint8Array, mask: Uint8Array, left: number, top: number) {
  const margin = (PATCH - CENTRE) / 2;
  let tumour = 0;
  let tissue = 0;
  for (let y = top + margin; y < top + margin + CENTRE; y++)
    for (let x = left + margin; x < left + margin + CENTRE; x++) {
      tumour += mask[y * SIZE + x]!;
      tissue += +(image[SIZE * SIZE + y * SIZE + x]! > 20);
    }
  return { tumour, tissue };
}

function cut(image: Uint8Array, left: number, top: number): Uint8Array {
  const patch = new Uint8Array(3 * PATCH * PATCH);
  for (let channel = 0; channel < 3; channel++)
    for (let y = 0; y < PATCH; y++) {
      const start = (channel * SIZE + top + y) * SIZE + left;
      patch.set(image.subarray(start, start + PATCH), (channel * PATCH + y) * PATCH);
    }
  return patch;
}
