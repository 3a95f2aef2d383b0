/** The one place that says who we are: extension handshake, HTTP User-Agent, created by, --version. */
export const VERSION: string = '0.1.0';
export const CLIENT_NAME: string = `dtorrent ${VERSION}`;
export const USER_AGENT: string = `dtorrent/${VERSION}`;
