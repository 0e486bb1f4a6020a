import type { ImportedDataset } from './imported-dataset.ts';
import { lgg } from './lgg.ts';
import { lggPatches } from './lgg-patches.ts';
import { pcam } from './pcam.ts';

/** Every data set that a person brings. */
export const importedDatasets: readonly ImportedDataset[] = [lgg, lggPatches, pcam];
