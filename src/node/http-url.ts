/**
 * http(s) URLs, taken apart without re-encoding: the path and query go on the wire as they were given, since a URL
 * parser would change bytes that a tracker compares (BEP 3 info_hash). Called by HttpClient.
 */
export interface HttpTarget {
  /** `https://example.org:8080` */
  readonly origin: string;
  /** `example.org:8080`; for messages. */
  readonly host: string;
  /** Without the port; IPv6 in brackets. */
  readonly hostname: string;
  /** Path and query, beginning with `/`. */
  readonly path: string;
  /** Basic credentials of `user:password@`, or null. */
  readonly authorization: string | null;
}

/** @returns null for anything but an absolute http or https URL. */
export function parseHttpUrl(url: string): HttpTarget | null {
  const match = /^https?:\/\/[^/?#\\]+([/?][^#]*)?(?:#.*)?$/is.exec(url);
  if (match === null || !URL.canParse(url)) return null;
  const parsed = new URL(url);
  const rest = match[1] ?? '/';
  return {
    origin: parsed.origin,
    host: parsed.host,
    hostname: parsed.hostname,
    path: escapeForbidden(rest.startsWith('?') ? `/${rest}` : rest),
    authorization: basicCredentials(parsed),
  };
}

/** Where a redirect leads. An absolute target keeps its bytes. @returns null when it cannot be read. */
export function redirectUrl(from: string, location: string): string | null {
  if (/^https?:\/\//i.test(location)) return location;
  return URL.canParse(location, from) ? new URL(location, from).href : null;
}

/** Spaces, control characters and non-ASCII cannot stand in a request line at all: they, and only they, are escaped. */
function escapeForbidden(path: string): string {
  return path.replace(/[^\x21-\x7e]/gu, (character) => {
    const isLoneSurrogate = character.length === 1 && character >= '\ud800' && character <= '\udfff';
    return encodeURIComponent(isLoneSurrogate ? '\ufffd' : character);
  });
}

function basicCredentials(url: URL): string | null {
  if (url.username === '' && url.password === '') return null;
  const credentials = `${decodeLeniently(url.username)}:${decodeLeniently(url.password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a '%' that escapes nothing
  }
}
