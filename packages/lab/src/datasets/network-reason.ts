/** What an error code of the network means, for a sentence in brackets; undefined for a code of another kind. */
export function networkReason(code: string | undefined): string | undefined {
  return REASONS[code ?? ''];
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name not found',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed',
  ETIMEDOUT: 'no answer',
  ENETUNREACH: 'no route to it',
  EHOSTUNREACH: 'no route to it',
};
