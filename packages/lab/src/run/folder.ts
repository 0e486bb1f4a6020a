import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunConfig, runConfig } from './config.ts';
import { lastEvent, type RunEvent, readEvents } from './events.ts';

/** A run on disk: an immutable `config.json`, the append-only `events.jsonl`, and a checkpoint to go on from. */
export interface RunFolder {
  readonly folder: string;
  readonly config: string;
  readonly events: string;
  readonly checkpoint: string;
  /** What the run's process printed. */
  readonly log: string;
}

export function runFolder(folder: string): RunFolder {
  return {
    folder,
    config: join(folder, 'config.json'),
    events: join(folder, 'events.jsonl'),
    checkpoint: join(folder, 'checkpoint.safetensors'),
    log: join(folder, 'log.txt'),
  };
}

/** Makes the folder of a run, or finds it as a run of the same config left it, less what was half-written. */
export function openRunFolder(files: RunFolder, config: RunConfig): void {
  const { folder } = files;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (/\.(tmp|partial)$/.test(name)) rmSync(join(folder, name));
  }
  if (!existsSync(files.config)) writeWhole(files.config, `${JSON.stringify(config, null, 2)}\n`);
}

export function readRunConfig(files: RunFolder): RunConfig {
  return runConfig.parse(JSON.parse(readFileSync(files.config, 'utf8')));
}

/** Where a run stands: how far it came, and whether there is more to do. */
export type RunStatus = 'new' | 'unfinished' | 'trained' | 'tested' | 'failed';

export function runStatus(events: readonly RunEvent[]): RunStatus {
  if (lastEvent(events, 'fail')) return 'failed';
  if (lastEvent(events, 'test')) return 'tested';
  if (lastEvent(events, 'finish')) return 'trained';
  return events.length > 0 ? 'unfinished' : 'new';
}

export function statusOf({ events }: RunFolder): RunStatus {
  return runStatus(readEvents(events));
}

/** Writes a file so that a reader sees the old one or the new one, never half of it. */
export function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
