import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../expected-error.ts';
import { isComparison, readPlan } from '../sweep/comparison-folder.ts';
import { type ComparisonOptions, type ComparisonPlan, planComparison } from '../sweep/plan.ts';
import { asFlag } from './compare-options.ts';

/** The comparisons in a folder: itself, or those side by side in it, by their names. */
export function comparisonsIn(folder: string): string[] {
  if (isComparison(folder) || !existsSync(folder)) return [folder];
  const names = readdirSync(folder).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const inside = names.map((name) => join(folder, name)).filter(isComparison);
  return inside.length > 0 ? inside : [folder];
}

/** The folder in runs/ whose comparison was started last. @throws ExpectedError if there is none */
export function lastComparison(): string {
  const folders = existsSync('runs') ? readdirSync('runs').map((name) => join('runs', name)) : [];
  const started = folders
    .map((folder) => ({ folder, first: comparisonsIn(folder)[0] }))
    .filter(({ first }) => isComparison(first))
    .map(({ folder, first }) => ({ folder, time: statSync(join(first, 'comparison.json')).mtimeMs }));
  const last = started.sort((a, b) => a.time - b.time).at(-1);
  if (last) return last.folder;
  throw badInput(
    'compare: expected a comparison to resume in runs/, found none. Name its folder: --resume DIR.',
  );
}

/**
 * Checks that what was typed beside `--resume` is what the comparison was started with: one half of it with another
 * learning rate would be no comparison.
 *
 * @throws ExpectedError naming the flag and both values
 */
export async function requireSamePlan(
  folder: string,
  typed: ComparisonOptions,
  cache: string | undefined,
): Promise<void> {
  const before = readPlan(folder);
  const { format: _, methods, optimizer, seeds, tuningSeeds, ...same } = before;
  const sameTask = typed.task === undefined || typed.task === before.task;
  const settings = sameTask ? { ...before.settings, ...typed.settings } : typed.settings;
  const now = await planComparison(
    {
      ...same,
      methods,
      optimizer: optimizer.name,
      seeds: seeds.length,
      tuningSeeds: tuningSeeds.length < seeds.length ? tuningSeeds.length : undefined,
      ...typed,
      settings,
    },
    { spelled: asFlag, cache },
  );
  for (const option of Object.keys(typed) as (keyof ComparisonOptions)[]) {
    if (JSON.stringify(now[option]) === JSON.stringify(before[option])) continue;
    const [there, got] = [before, now].map((plan) => shownOption(option, plan));
    throw badInput(
      `compare: expected \`${asFlag(option)}\` to be ${there}, as in '${folder}', got ${got}. Leave it out to resume, or start anew with another --out.`,
    );
  }
}

function settingsText({ settings }: ComparisonPlan): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function shownOption(option: keyof ComparisonOptions, plan: ComparisonPlan): string {
  if (option === 'methods') return JSON.stringify(plan.methods.map(({ name, chain }) => ({ [name]: chain })));
  if (option === 'optimizer') return plan.optimizer.name;
  if (option === 'seeds' || option === 'tuningSeeds') return String(plan[option].length);
  if (option === 'settings') return settingsText(plan);
  return String(plan[option]);
}
