import { basename, posix } from 'node:path';
import { badInput, failure } from '../expected-error.ts';
import { openFileTree } from './file-tree.ts';
import type { ImportContext, ImportedDataset } from './imported-dataset.ts';

const SIZE = 256;

/** One slice of a patient's volume, as published. */
export interface LggSlice {
  readonly patient: string;
  /** `[3, 256, 256]`: pre-contrast, FLAIR, post-contrast. */
  readonly image: Uint8Array;
  /** `[256, 256]`: 1 where the FLAIR abnormality is. */
  readonly mask: Uint8Array;
}

export const lgg: ImportedDataset = {
  name: 'lgg',
  title: 'LGG MRI segmentation',
  description: 'brain MRI slices with tumour masks, 256×256, 3 sequences',
  licence: 'CC BY-NC-SA 4.0; cite Buda et al. 2019, arXiv 1906.03720',
  homepage: 'https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation',
  published: '110 patients, 3,929 slices',
  shape: [3, SIZE, SIZE],
  target: 'mask',
  wanted:
    'the zip or the unpacked folder (kaggle_3m) of https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation',
  async read(path, into, context) {
    if (path === undefined) throw badInput('no address gives it to a program');
    for await (const { group, patient, slices } of lggPatients(path, context)) {
      into.group(group, patient);
      for await (const { image, mask } of slices) await into.add(image, mask);
    }
  },
};

/** A folder of one examination. */
export interface LggExamination {
  /** `TCGA_CS_4941_19960909` */
  readonly group: string;
  /** Without the date, since someone may have been examined twice: `TCGA_CS_4941`. */
  readonly patient: string;
  readonly slices: AsyncIterable<LggSlice>;
}

/**
 * The examinations in a folder or zip, and their slices in order. Reads one slice at a time.
 *
 * @throws an expected error that names the file that is missing, damaged or of another size
 */
export async function* lggPatients(path: string, context: ImportContext): AsyncGenerator<LggExamination> {
  const tree = await openFileTree(path);
  try {
    const examinations = examinationsIn(tree.names);
    if (examinations.size === 0)
      throw badInput(
        `${path} holds no folders like TCGA_CS_4941_19960909 with slices (_1.tif) and masks (_1_mask.tif)`,
      );
    const total = [...examinations.values()].reduce((sum, count) => sum + count.images.size, 0);
    let done = 0;
    const tell = () =>
      context.onProgress({ kind: 'task', task: 'reading slices', done, total, unit: 'files' });
    const readSlice = async (
      patient: string,
      image: string | undefined,
      mask: string | undefined,
      stem: string,
    ) => {
      if (image === undefined) throw failure(`${stem}_mask.tif has no slice ${basename(stem)}.tif`);
      if (mask === undefined) throw failure(`${stem}.tif has no mask ${basename(stem)}_mask.tif`);
      return sliceOf(patient, [image, await tree.read(image)], [mask, await tree.read(mask)]);
    };
    async function* slicesOf(folder: string, { images, masks }: Examination, patient: string) {
      const last = Math.max(...images.keys(), ...masks.keys());
      for (let number = 1; number <= last; number++) {
        context.signal?.throwIfAborted();
        const stem = `${folder}/${posix.basename(folder)}_${number}`;
        const [image, mask] = [images.get(number), masks.get(number)];
        try {
          if (image === undefined && mask === undefined)
            throw failure(`${stem}.tif is missing, but there are slices up to number ${last}`);
          yield await readSlice(patient, image, mask, stem);
        } catch (error) {
          context.damaged(error);
        }
        done++;
        tell();
      }
    }
    tell();
    for (const [folder, examination] of examinations) {
      const group = posix.basename(folder);
      const patient = group.split('_').slice(0, 3).join('_');
      yield { group, patient, slices: slicesOf(folder, examination, patient) };
    }
    const patients = new Set([...examinations.keys()].map((folder) => posix.basename(folder)));
    context.onProgress({
      kind: 'note',
      text: `${patients.size} of the 110 patients, ${done} of the 3,929 slices.`,
    });
  } finally {
    tree.close();
  }
}

/** Path of each slice and mask by its number. */
interface Examination {
  readonly images: Map<number, string>;
  readonly masks: Map<number, string>;
}

/** By folder. The official zip holds everything twice; of two folders of one name the first counts. */
function examinationsIn(names: readonly string[]): Map<string, Examination> {
  const found = new Map<string, Examination>();
  const folderOf = new Map<string, string>();
  for (const name of names) {
    const match = /^(TCGA_[^_]+_[^_]+_\d+)_(\d+)(_mask)?\.tiff?$/.exec(posix.basename(name));
    const folder = posix.dirname(name);
    if (!match || posix.basename(folder) !== match[1]) continue;
    if ((folderOf.get(match[1]!) ?? folder) !== folder) continue;
    folderOf.set(match[1]!, folder);
    const examination = found.get(folder) ?? { images: new Map(), masks: new Map() };
    found.set(folder, examination);
    examination[match[3] === undefined ? 'images' : 'masks'].set(Number(match[2]), name);
  }
  return found;
}

type NamedFile = readonly [name: string, bytes: Uint8Array];

async function sliceOf(
  patient: string,
  [imageName, imageBytes]: NamedFile,
  [maskName, maskBytes]: NamedFile,
): Promise<LggSlice> {
  // Only here: comparisons find slices in the cache, and decode no TIFF.
  const { decodeTiff } = await import('./tiff-image.ts');
  const image = decodeTiff(imageBytes, imageName);
  const mask = decodeTiff(maskBytes, maskName);
  const sizeOf = ({ width, height, channels }: typeof image) => `${width}×${height}×${channels}`;
  if (sizeOf(image) !== `${SIZE}×${SIZE}×3`)
    throw failure(`${imageName} is ${sizeOf(image)}, expected ${SIZE}×${SIZE}×3`);
  if (mask.width !== image.width || mask.height !== image.height || mask.channels !== 1)
    throw failure(`${maskName} is ${sizeOf(mask)}, its slice is ${SIZE}×${SIZE}: expected ${SIZE}×${SIZE}×1`);
  const area = SIZE * SIZE;
  const planes = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++)
    for (let channel = 0; channel < 3; channel++) planes[channel * area + i] = image.data[3 * i + channel]!;
  return { patient, image: planes, mask: mask.data.map((value) => +(value > 127)) };
}
