import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { badInput, isExpectedError } from '../expected-error.ts';
import { type RunConfig, runFolderName } from '../run/config.ts';
import { type RunFolder, runFolder, writeWhole } from '../run/folder.ts';
import { methodsFileOf, ownMethods, resumeCommand } from './command.ts';
import { type ComparisonPlan, comparisonFormat, comparisonPlan, expandRuns } from './plan.ts';

/*
 *     <folder>/comparison.json                  the plan, never changed
 *     <folder>/methods.json                     methods of one's own, as a methods file
 *     <folder>/method-…/rate-…/seed-…/          a run (run/folder.ts)
 *     <folder>/result.json, report.html         what came of it; can be made again from the runs
 *     <folder>/lock                             id of the process at work here
 */

/**
 * Makes the folder of a new comparison.
 *
 * @throws ExpectedError if the folder holds anything yet, or cannot be written
 */
export function createComparison(folder: string, plan: ComparisonPlan): void {
  if (isComparison(folder)) {
    throw badInput(
      `compare: '${folder}' already holds a comparison. Go on with \`${resumeCommand(folder)}\`, or choose another --out.`,
    );
  }
  try {
    makeFolder(folder);
    if (readdirSync(folder).length > 0) {
      throw badInput(
        `compare: '${folder}' is not empty and holds no comparison. Choose another folder with --out.`,
      );
    }
    const own = ownMethods(plan).map(({ name, chain }) => [name, chain]);
    if (own.length > 0) writeWhole(methodsFileOf(folder), json({ methods: Object.fromEntries(own) }));
    writeWhole(planFile(folder), json(plan));
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).syscall) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw badInput(`compare: cannot write in '${folder}' (${code}). Choose another folder with --out.`, {
      cause: error,
    });
  }
}

/** Level by level: asked to make all levels, Node says ENOENT of a read-only disk. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

export function isComparison(folder: string): boolean {
  return existsSync(planFile(folder));
}

/**
 * The plan that a comparison's folder was made with.
 *
 * @throws ExpectedError if there is none, it is damaged, or another version of znorm made it
 */
export function readPlan(folder: string): ComparisonPlan {
  if (!isComparison(folder)) {
    throw badInput(
      `compare: expected a comparison to resume in '${folder}', found none. Leave out --resume to start one.`,
    );
  }
  try {
    const json: unknown = JSON.parse(readFileSync(planFile(folder), 'utf8'));
    requireFormat(folder, json);
    return comparisonPlan.parse(json);
  } catch (error) {
    if (isExpectedError(error)) throw error;
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw badInput(`${planFile(folder)}: expected the plan of a comparison. ${reason}`, { cause: error });
  }
}

/** Versions record their runs differently: one cannot go on where another has stopped. */
function requireFormat(folder: string, json: unknown): void {
  if (typeof json !== 'object' || json === null || !('task' in json)) return; // damaged, not old
  const format = 'format' in json ? json.format : 'an earlier one';
  if (format === comparisonFormat) return;
  throw badInput(
    `${planFile(folder)}: expected the format ${comparisonFormat}, got ${format}. Go on with the version of znorm that made it, or start anew with another --out.`,
  );
}

/** A run of a comparison and where it keeps its files. */
export interface PlannedRun {
  readonly config: RunConfig;
  readonly files: RunFolder;
}

export function plannedRuns(plan: ComparisonPlan, folder: string): PlannedRun[] {
  return expandRuns(plan).map((config) => ({
    config,
    files: runFolder(join(folder, runFolderName(config))),
  }));
}

/**
 * Keeps every other process out of a comparison's folder: two would write the same runs. A lock that a killed process
 * has left behind is taken over.
 *
 * @returns ends the lock
 * @throws ExpectedError if another process is at work there
 */
export function lockComparison(folder: string): () => void {
  const file = join(folder, 'lock');
  const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (holder !== process.pid && isAlive(holder)) {
    throw badInput(
      `compare: process ${holder} is at work in '${folder}'. Wait until it has ended; if it is no comparison, delete ${file}.`,
    );
  }
  rmSync(file, { force: true });
  writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
  return () => rmSync(file, { force: true });
}

function isAlive(process_: number): boolean {
  if (!Number.isSafeInteger(process_) || process_ < 1) return false;
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function planFile(folder: string): string {
  return join(folder, 'comparison.json');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
