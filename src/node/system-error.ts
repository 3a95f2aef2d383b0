/**
 * Turns what the operating system, a resolver or TLS says into a DtorrentError that a person can act on.
 * Used by every file here that opens a socket.
 */
import { DtorrentError, type ErrorCode } from '../base/errors.js';

/** System code → what happened, as the end of "<doing> <target>: …". */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the other side',
  EPIPE: 'the other side has closed the connection',
  ECONNABORTED: 'connection aborted',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to that host',
  ENETUNREACH: 'no route to that network',
  ENETDOWN: 'the network is down',
  EADDRINUSE: 'another program uses this port; choose another',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EAFNOSUPPORT: 'this machine does not speak that address family',
  EINVAL: 'the address does not fit the local address to bind to',
  EACCES: 'not permitted',
  EPERM: 'not permitted, perhaps by a firewall',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENFILE: 'the system has too many open files',
  ENOBUFS: 'the system is out of network buffers',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the name server does not answer',
  EAI_FAIL: 'the name server failed',
  EAI_NODATA: 'that name has no address',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate chain is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate cannot be verified',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate cannot be verified',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  UND_ERR_SOCKET: 'the connection broke before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too long',
};

/** `doing` says what failed and with whom: `cannot connect to 192.0.2.1:6881`. */
export function networkError(doing: string, thrown: unknown): DtorrentError {
  if (thrown instanceof DtorrentError) return thrown;
  const cause = firstCause(thrown);
  const systemCode = systemErrorCode(cause);
  const explanation = EXPLANATIONS[systemCode] ?? (cause instanceof Error ? cause.message : String(cause));
  return new DtorrentError(errorCodeOf(systemCode), `${doing}: ${explanation}`, { cause: thrown });
}

/** @returns the `code` of a system error (`ECONNREFUSED`), or '' when it has none. */
export function systemErrorCode(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

function errorCodeOf(systemCode: string): ErrorCode {
  if (systemCode === 'ETIMEDOUT' || systemCode === 'UND_ERR_CONNECT_TIMEOUT') return 'ETIMEOUT';
  if (systemCode === 'ENOTFOUND' || systemCode.startsWith('EAI_')) return 'ERESOLVE';
  return 'ENETWORK';
}

/** Dialling several addresses of one name fails with one error for each: the first is the one to tell. */
function firstCause(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return firstCause(thrown.errors[0]);
  if (thrown instanceof Error && systemErrorCode(thrown) === 'UND_ERR_SOCKET' && thrown.cause instanceof Error) {
    return EXPLANATIONS[systemErrorCode(thrown.cause)] === undefined ? thrown : thrown.cause;
  }
  return thrown;
}
