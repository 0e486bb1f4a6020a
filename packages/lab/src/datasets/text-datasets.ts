import { multi30k } from './multi30k.ts';
import { sst2 } from './sst2.ts';
import type { TextDataset } from './text-dataset.ts';
import { tinyshakespeare } from './tinyshakespeare.ts';

/** Every data set of texts. */
export const textDatasets: readonly TextDataset[] = [multi30k, sst2, tinyshakespeare];
