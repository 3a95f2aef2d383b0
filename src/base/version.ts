/** The one place that says who we are: extension handshake, HTTP User-Agent, created by, --version. */
/** `major.minor.patch` of this package. */
export const VERSION: string = '0.1.0';
/** Name and version, as in the extension handshake and in `created by`. */
export const CLIENT_NAME: string = `dtorrent ${VERSION}`;
export const USER_AGENT: string = `dtorrent/${VERSION}`;
