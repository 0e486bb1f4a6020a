import { SingleBar } from 'cli-progress';
import { byteSize } from '../datasets/byte-size.ts';
import type { FetchProgress } from '../datasets/source.ts';

export interface FetchProgressDisplay {
  readonly onProgress: (progress: FetchProgress) => void;
  /** Ends the display. Safe to call twice, and before anything was shown. */
  readonly stop: () => void;
}

/** Shows a fetch on a stream: a bar in a terminal, a line now and then elsewhere. */
export function fetchProgress(stream: NodeJS.WriteStream): FetchProgressDisplay {
  return stream.isTTY ? bar(stream) : lines(stream);
}

type Task = Extract<FetchProgress, { kind: 'task' }>;

function bar(stream: NodeJS.WriteStream): FetchProgressDisplay {
  let shown: { bar: SingleBar; task: string; startedAt: number; startedWith: number } | undefined;
  const stop = () => {
    shown?.bar.stop();
    shown = undefined;
  };
  return {
    onProgress(progress) {
      if (progress.kind === 'note') {
        stop();
        stream.write(`${progress.dataset}: ${progress.text}\n`);
        return;
      }
      if (shown?.task !== progress.task) {
        stop();
        const format = '{dataset}: {task}  {bar} {percentage}%  {amount}';
        const single = new SingleBar({
          format,
          stream,
          barsize: 8,
          barCompleteChar: '█',
          barIncompleteChar: '░',
          hideCursor: true,
          clearOnComplete: true,
        });
        shown = { bar: single, task: progress.task, startedAt: Date.now(), startedWith: progress.done };
        single.start(progress.total, progress.done, { ...progress, amount: '' });
      }
      // What an earlier attempt had brought says nothing of the speed of this one.
      const seconds = (Date.now() - shown.startedAt) / 1000;
      // The first moments, spent on connecting, would foretell hours.
      const speed = seconds < 2 ? 0 : (progress.done - shown.startedWith) / seconds;
      shown.bar.update(progress.done, { amount: amount(progress, speed) });
      if (progress.done === progress.total) stop();
    },
    stop,
  };
}

/** At most 20 characters, so that all fits into 80 columns: `76 of 139 MB  0:42`. */
function amount({ done, total, unit }: Task, speed: number): string {
  if (unit === 'files') return total > 1 ? `${done} of ${total}` : '';
  const [size, name] = byteSize(total).split(' ');
  const here = Math.round((done / total) * Number(size));
  const seconds = Math.ceil((total - done) / speed);
  // No clock before anything has come, nor for a day and more.
  if (!(seconds < 24 * 3600)) return `${here} of ${size} ${name}`;
  const left = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  return `${here} of ${size} ${name}  ${left}`;
}

function lines(stream: NodeJS.WriteStream): FetchProgressDisplay {
  let task = '';
  let quarter = 0;
  return {
    onProgress(progress) {
      const say = (text: string) => stream.write(`${progress.dataset}: ${text}\n`);
      if (progress.kind === 'note') {
        say(progress.text);
        return;
      }
      const reached = Math.floor((4 * progress.done) / progress.total);
      if (progress.task !== task) {
        const size = progress.unit === 'bytes' ? byteSize(progress.total) : `${progress.total} files`;
        say(progress.total > 1 ? `${progress.task} (${size})` : progress.task);
      } else if (reached > quarter && reached < 4 && progress.unit === 'bytes') {
        say(`${progress.task}, ${25 * reached} %`);
      }
      task = progress.task;
      quarter = reached;
    },
    stop() {},
  };
}
