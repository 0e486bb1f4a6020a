/// <reference types="node" />
import { kernelModule } from './kernel.ts';

/** Threads that serve a schedule. They keep no process alive. */
export interface Threads {
  /** Ends them. No step may be under way. */
  stop(): void;
}

/**
 * Starts threads on a shared memory, one for each place of scratch room; they are ready when the promise is fulfilled.
 * Worker threads in Node, Web Workers elsewhere.
 *
 * @param schedule its byte address
 * @throws Error with what stood against it: a policy of the page that allows no workers of its own, or no memory left
 */
export async function startThreads(
  memory: WebAssembly.Memory,
  schedule: number,
  scratch: readonly number[],
): Promise<Threads> {
  const module = await kernelModule(true);
  const started: Thread[] = [];
  const stop = () => {
    for (const { end } of started) end();
  };
  try {
    for (const own of scratch) started.push(startThread([module, memory, schedule, own]));
    await Promise.all(started.map(({ ready }) => ready));
  } catch (error) {
    stop();
    throw error;
  }
  return { stop };
}

/** What a thread is given: the module, its memory, and the addresses of the schedule and of its scratch room. */
type Given = readonly [WebAssembly.Module, WebAssembly.Memory, number, number];

interface Thread {
  readonly ready: Promise<void>;
  end(): void;
}

// As text, so that no bundler has to be told of another file.
const life = `
  const live = ([module, memory, schedule, scratch], ready) => {
    const { serve } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    ready();
    serve(schedule, scratch);
  };`;

function startThread(given: Given): Thread {
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  return node ? startInNode(node, given) : startInBrowser(given);
}

function startInNode({ Worker }: typeof import('node:worker_threads'), given: Given): Thread {
  const source = `${life}
    const { parentPort, workerData } = require('node:worker_threads');
    live(workerData, () => parentPort.postMessage('ready'));`;
  // The flags of the process are not for this text: a loader for TypeScript, or a module's syntax.
  const worker = new Worker(source, { eval: true, workerData: given, execArgv: [] });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread ended')));
  });
  return {
    ready: ready.finally(() => worker.unref()),
    end: () => void worker.terminate(),
  };
}

function startInBrowser(given: Given): Thread {
  const source = `${life}
    onmessage = ({ data }) => live(data, () => postMessage('ready'));`;
  const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(address);
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = ({ message }) => reject(new Error(message || 'the page allows no worker of this kind'));
  });
  worker.postMessage(given);
  return {
    ready: ready.finally(() => URL.revokeObjectURL(address)),
    end: () => worker.terminate(),
  };
}
