/** One file of a data set, whole. The largest (a training set of MNIST) is 47 MB, so no streaming is needed. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A place a data set can be had from. */
export interface DatasetSource {
  /** What `--source` takes: `official`, `npm`, `debian`. */
  readonly name: string;
  /** The same for a sentence: a host, a package. */
  readonly where: string;
  /** Bytes to transfer. */
  readonly downloadBytes: number;
  /** Bytes needed on disk at the worst moment, beside the finished files. */
  readonly scratchBytes: number;
  /**
   * Yields the finished files of the data set, in any order. They need not be checked: whoever asked compares
   * each with its checksum. Throws an expected error if this source cannot deliver, so that the next is tried.
   */
  readonly files: (context: SourceContext) => AsyncGenerator<NamedBytes>;
}

export interface SourceContext {
  /** A private folder on the disk of the cache. A `*.part` file left in it is found again by the next attempt. */
  readonly workspace: string;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: SourceProgress) => void;
}

/** What a source is doing, for a progress bar or a log. */
export type SourceProgress =
  /** One sentence that the person should see, such as that another source is tried. */
  | { readonly kind: 'note'; readonly text: string }
  /** How far a task is; it is over at `done === total`. A task without a measure goes from 0 to 1 files. */
  | {
      readonly kind: 'task';
      readonly task: string;
      readonly done: number;
      readonly total: number;
      readonly unit: 'bytes' | 'files';
    };

export type FetchProgress = SourceProgress & { readonly dataset: string };
