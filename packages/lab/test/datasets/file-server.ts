import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server treats a file. */
export interface ServedFile {
  readonly body: Uint8Array;
  /** Whether it honours `Range`. @default false */
  readonly ranges?: boolean;
  /** Bytes sent before the connection is cut: one number a request, in order; later requests get everything. */
  readonly cutAfter?: readonly number[];
  /** Sends no Content-Length: the end of the connection is the end of the file. @default false */
  readonly unsized?: boolean;
  /** Pause after every 64 KiB. @default 0 */
  readonly pauseMs?: number;
  /** Answers with this status and no file. */
  readonly status?: number;
  /** Answers with a redirect to this address. */
  readonly redirect?: string;
  /** Accepts the request and never answers. */
  readonly silent?: boolean;
}

export interface FileServer {
  /** Address up to the file name. */
  readonly base: string;
  /** What was asked for, in order: `archive.tar.gz` or `archive.tar.gz from 1000`. */
  readonly requests: string[];
  readonly close: () => Promise<void>;
}

/** A web server on this machine, as well or badly behaved as a test needs. */
export async function serveFiles(files: Readonly<Record<string, ServedFile>>): Promise<FileServer> {
  const requests: string[] = [];
  const counts = new Map<string, number>();
  const server = createServer(async (request, response): Promise<void> => {
    const name = decodeURIComponent(request.url!.slice(1));
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    requests.push(asked ? `${name} from ${asked[1]}` : name);
    const nth = counts.get(name) ?? 0;
    counts.set(name, nth + 1);

    const file = files[name];
    if (file?.silent) return;
    if (file === undefined) return void response.writeHead(404).end();
    if (file.status !== undefined) return void response.writeHead(file.status).end();
    if (file.redirect !== undefined) return void response.writeHead(302, { location: file.redirect }).end();

    const start = file.ranges && asked ? Number(asked[1]) : 0;
    if (start >= file.body.length) return void response.writeHead(416).end();
    const total = file.body.length;
    const partial = start > 0 ? { 'content-range': `bytes ${start}-${total - 1}/${total}` } : {};
    const sized = file.unsized ? { connection: 'close' } : { 'content-length': total - start };
    response.writeHead(start > 0 ? 206 : 200, { ...partial, ...sized });

    const cut = file.cutAfter?.[nth];
    const end = cut === undefined ? total : Math.min(total, start + cut);
    for (let at = start; at < end; at += 65536) {
      response.write(file.body.subarray(at, Math.min(end, at + 65536)));
      if (file.pauseMs) await new Promise((resolve) => setTimeout(resolve, file.pauseMs));
    }
    if (end === total) response.end();
    else setTimeout(() => response.destroy(), 20); // The bytes written are on their way.
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
