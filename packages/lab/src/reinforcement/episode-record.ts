/** How training went, episode by episode: enough of it to say when a problem was solved. */
export interface EpisodeRecord {
  add(returns: readonly number[]): void;
  /** Episodes until the mean of 100 in a row reached the threshold; all so far while it has not. */
  readonly episodesToSolve: number;
  state(): EpisodeRecordState;
}

/** Survives JSON. */
export interface EpisodeRecordState {
  readonly episodes: number;
  readonly recent: readonly number[];
  readonly solvedAfter: number | null;
}

/** Gymnasium's: the mean of as many episodes in a row. */
const window = 100;

export function createEpisodeRecord(threshold: number, from?: EpisodeRecordState): EpisodeRecord {
  let episodes = from?.episodes ?? 0;
  let solvedAfter = from?.solvedAfter ?? null;
  const recent = [...(from?.recent ?? [])];
  return {
    add(returns) {
      for (const value of returns) {
        episodes++;
        recent.push(value);
        if (recent.length > window) recent.shift();
        if (solvedAfter !== null || recent.length < window) continue;
        if (recent.reduce((sum, one) => sum + one, 0) / window >= threshold) solvedAfter = episodes;
      }
    },
    get episodesToSolve() {
      return solvedAfter ?? episodes;
    },
    state: () => ({ episodes, recent: [...recent], solvedAfter }),
  };
}
