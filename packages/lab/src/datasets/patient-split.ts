import { permutation, randomStream } from '@znorm/train';
import { badInput } from '../expected-error.ts';
import type { SampleGroup, SampleManifest } from './sample-file.ts';

export interface GroupSplits {
  readonly train: readonly SampleGroup[];
  readonly validation: readonly SampleGroup[];
  readonly test: readonly SampleGroup[];
}

/**
 * Splits a data set so that nobody's samples are on two sides: whole patients, in an order drawn once (stream
 * `patients`), about a fifth for the test set, a seventh for validation, the others for training.
 *
 * @throws an expected error if there are fewer than three patients
 */
export function splitByPatient({ dataset, groups }: Pick<SampleManifest, 'dataset' | 'groups'>): GroupSplits {
  const patients = [...new Set(groups.map(patientOf))].sort();
  if (patients.length < 3)
    throw badInput(
      `${dataset}: expected at least 3 patients to split, got ${patients.length}. Bring more of it.`,
    );
  const order = [...permutation(randomStream(0, 'patients'), patients.length)].map((i) => patients[i]!);
  const tests = Math.max(1, Math.round(patients.length / 5));
  const validations = Math.max(1, Math.round(patients.length / 7));
  const of = (chosen: readonly string[]) => groups.filter((group) => chosen.includes(patientOf(group)));
  const splits = {
    test: of(order.slice(0, tests)),
    validation: of(order.slice(tests, tests + validations)),
    train: of(order.slice(tests + validations)),
  };
  requireOneSplitEach(dataset, splits);
  return splits;
}

/**
 * Checks that no patient is in two splits, whoever made them.
 *
 * @throws an expected error that names the patient and both splits
 */
export function requireOneSplitEach(dataset: string, splits: GroupSplits): void {
  const seen = new Map<string, string>();
  for (const [split, groups] of Object.entries(splits) as [string, readonly SampleGroup[]][])
    for (const patient of new Set(groups.map(patientOf))) {
      const other = seen.get(patient);
      if (other !== undefined)
        throw badInput(
          `${dataset}: expected every patient in one split, got ${patient} in ${other} and ${split}. Split by patient, not by slice.`,
        );
      seen.set(patient, split);
    }
}

const patientOf = ({ name, patient = name }: SampleGroup) => patient;

/** The numbers of all samples of some groups. */
export function samplesOf(groups: readonly SampleGroup[]): Uint32Array {
  return Uint32Array.from(
    groups.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)),
  );
}
