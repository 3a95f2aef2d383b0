/**
 * Switches off what would ask the internet or the local network by default: tests stay on loopback, and one that is
 * about any of these switches it on again, with nodes of its own.
 */
export const LOOPBACK_ONLY: Readonly<Record<string, string>> = {
  DTORRENT_NO_DHT: '1',
  DTORRENT_NO_LSD: '1',
  DTORRENT_NO_PORT_MAPPING: '1',
};
