import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isExpectedError } from '../expected-error.ts';
import { byteSize } from './byte-size.ts';
import { checksumOfFile } from './checksum.ts';
import { networkReason } from './network-reason.ts';

export interface DownloadOptions {
  readonly url: string;
  /** Where the bytes go. What is there already is taken for the beginning of the same file. */
  readonly to: string;
  /** The published size and MD5: how a resumed, truncated or replaced file is told from the right one. */
  readonly bytes: number;
  readonly md5: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (received: number) => void;
  /** Time to get a connection. Short, because there is another source to try. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** Longest silence of a connected server. @default 30000 */
  readonly silenceTimeoutMs?: number;
}

/** A connection that breaks is taken up again, until so many in a row have brought nothing new. */
const CONNECTIONS_IN_VAIN = 3;
const REDIRECTS = 5;

/**
 * Downloads a file of known size and MD5, taking up where an earlier attempt stopped if the server allows it (HTTP
 * Range), and from the beginning if not. Uses Node's `http` rather than `fetch`, which would unpack an archive that a
 * server labels `Content-Encoding: x-gzip`.
 *
 * @throws an expected error, `<host> …` or `the download of <file> …`, when the file cannot be had. If the download
 * stopped half-way, what was received stays at `to` for the next call.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { to, bytes, signal } = options;
  const name = basename(new URL(options.url).pathname);
  const found = await sizeOf(to);
  let furthest = found;
  let inVain = 0;
  for (let connection = 1; (await sizeOf(to)) !== bytes; connection++) {
    signal?.throwIfAborted();
    const before = await sizeOf(to);
    try {
      await receive(options, name, before < bytes ? before : 0);
    } catch (error) {
      signal?.throwIfAborted();
      // A server that refuses to go on after it began has broken off, too.
      if (!isInterruption(error) && !(connection > 1 && isExpectedError(error))) throw error;
    }
    const now = await sizeOf(to);
    if (now === bytes) break;
    inVain = now > furthest ? 0 : inVain + 1;
    furthest = Math.max(furthest, now);
    if (inVain === CONNECTIONS_IN_VAIN) throw stopped(name, now, bytes);
    await sleep(250 * (1 + inVain), undefined, { signal });
  }
  if ((await checksumOfFile('md5', to, signal)) === options.md5) return;
  await rm(to);
  // The part found may have been of another edition, or damaged: once more, all of it.
  if (found > 0) return download(options);
  throw failure(`${name} from ${new URL(options.url).host} does not match its published checksum`);
}

/** Asks for the file from byte `from` on and appends what comes, until the end or until the connection breaks. */
async function receive(options: DownloadOptions, name: string, from: number): Promise<void> {
  const { host } = new URL(options.url);
  const response = await answer(options, new URL(options.url), from, REDIRECTS);
  const status = response.statusCode ?? 0;
  if (status === 416) {
    // The server has less than was found here, so that was of another edition.
    response.destroy();
    return receive(options, name, 0);
  }
  const resumed = from > 0 && status === 206 && startOf(response) === from;
  if (status !== 200 && !resumed) {
    response.destroy();
    throw failure(`${host} answered ${status} for ${name}`);
  }
  const start = resumed ? from : 0;
  const length = response.headers['content-length'];
  if (length !== undefined && Number(length) + start !== options.bytes) {
    response.destroy();
    // A login page of a network, or a new edition: no use in loading it.
    const offered = byteSize(Number(length) + start);
    throw failure(`${host} offers ${name} with ${offered} instead of ${byteSize(options.bytes)}`);
  }
  let received = start;
  await pipeline(
    response,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        received += chunk.length;
        if (received > options.bytes)
          throw failure(`${host} sends more of ${name} than ${byteSize(options.bytes)}`);
        options.onProgress?.(received);
        yield chunk;
      }
    },
    createWriteStream(options.to, { flags: resumed ? 'a' : 'w' }),
    { signal: options.signal },
  );
}

/** The response to a GET, redirects followed. Rejects if there is no connection within the time allowed. */
function answer(
  options: DownloadOptions,
  url: URL,
  from: number,
  redirects: number,
): Promise<IncomingMessage> {
  const { signal, connectTimeoutMs = 5000, silenceTimeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const { get } = url.protocol === 'https:' ? https : http;
    const headers = from > 0 ? { range: `bytes=${from}-` } : {};
    const request = get(url, { headers, agent: false, ...(signal && { signal }) });
    const giveUp = (reason: string) => request.destroy(new Error(reason));
    const connecting = setTimeout(
      () => giveUp(`no connection in ${connectTimeoutMs / 1000} s`),
      connectTimeoutMs,
    );
    request.setTimeout(silenceTimeoutMs, () => giveUp(`no data for ${silenceTimeoutMs / 1000} s`));
    request.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)));
    request.once('close', () => clearTimeout(connecting));
    request.once('error', (error) => {
      const reason = networkReason((error as NodeJS.ErrnoException).code) ?? error.message;
      reject(
        signal?.aborted ? error : failure(`${url.host} cannot be reached (${reason})`, { cause: error }),
      );
    });
    request.once('response', (response) => {
      const { location } = response.headers;
      if (location === undefined || (response.statusCode ?? 0) < 300 || (response.statusCode ?? 0) >= 400) {
        return resolve(response);
      }
      response.resume();
      if (redirects === 0) return reject(failure(`${url.host} redirects in a circle`));
      answer(options, new URL(location, url), from, redirects - 1).then(resolve, reject);
    });
  });
}

/** `Content-Range: bytes 1000-1999/2000` → 1000 */
function startOf(response: IncomingMessage): number {
  return Number(/^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1] ?? Number.NaN);
}

/** A connection that broke while data came, as opposed to a server that said no or a disk that is full. */
function isInterruption(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code);
}

function stopped(name: string, received: number, bytes: number): Error {
  const next = received > 0 ? '; what came is kept, and the next attempt goes on from there' : '';
  return failure(`the download of ${name} stopped at ${byteSize(received)} of ${byteSize(bytes)}${next}`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
