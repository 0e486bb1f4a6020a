import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/*
 * Each fetch works in a folder of its own beside the finished files, so that no two processes ever write one file,
 * and finished files appear by rename alone. The folder's name says whose it is:
 *
 *     .fetch-<host>-<process id>-<random>
 *
 * A folder whose process is gone (killed, or failed and let go of it) may hold half a download. Whoever comes next
 * takes the folder over by renaming it: of two who try, the file system lets one win. There is no lock to go stale.
 */

const FOLDER = /^\.fetch-(.+)-(\d+)-[0-9a-f]{8}$/;
/** Owner of a folder that its process let go of; no process has the id 0. */
const NOBODY = 'nobody-0';
/** A folder of another machine (a cache on a network disk) tells nothing of its process: only its age can. */
const DAY_MS = 24 * 3600 * 1000;

/** A private folder inside `folder`, with the partial downloads of an abandoned attempt, if there was one. */
export async function claimWorkspace(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const mine = join(folder, nameFor(`${encodeURIComponent(hostname())}-${process.pid}`));
  for (const abandoned of await abandonedWorkspaces(folder)) {
    if (await renamed(abandoned, mine)) {
      await keepPartialDownloads(mine);
      return mine;
    }
  }
  await mkdir(mine);
  return mine;
}

/** Ends the use of a workspace, but keeps partial downloads, if there are any, for the next attempt. */
export async function releaseWorkspace(workspace: string): Promise<void> {
  await keepPartialDownloads(workspace);
  try {
    await rmdir(workspace);
  } catch {
    await rename(workspace, join(workspace, '..', nameFor(NOBODY)));
  }
}

async function keepPartialDownloads(workspace: string): Promise<void> {
  for (const name of await readdir(workspace)) {
    if (!name.endsWith('.part')) await rm(join(workspace, name), { recursive: true, force: true });
  }
}

/** Deletes a workspace and every abandoned one beside it: the data set is complete, no partial file is of use. */
export async function discardWorkspaces(folder: string, workspace?: string): Promise<void> {
  const abandoned = await abandonedWorkspaces(folder);
  for (const path of workspace === undefined ? abandoned : [workspace, ...abandoned]) {
    await rm(path, { recursive: true, force: true });
  }
}

async function abandonedWorkspaces(folder: string): Promise<string[]> {
  const abandoned: string[] = [];
  const names = await readdir(folder).catch(() => []); // Nothing is abandoned where nothing is.
  for (const name of names) {
    const match = FOLDER.exec(name);
    if (match && (await isAbandoned(join(folder, name), match[1]!, Number(match[2])))) {
      abandoned.push(join(folder, name));
    }
  }
  return abandoned;
}

async function isAbandoned(path: string, host: string, pid: number): Promise<boolean> {
  if (pid === 0) return true;
  if (host === encodeURIComponent(hostname())) return !isAlive(pid);
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > DAY_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // Signal 0 only asks.
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // Somebody else's process is alive, too.
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false; // Another process was quicker.
    throw error;
  }
}

function nameFor(owner: string): string {
  return `.fetch-${owner}-${randomBytes(4).toString('hex')}`;
}
