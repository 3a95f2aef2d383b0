/** What the interop tests use of bittorrent-tracker; separate from formats.js, as it takes a second to load. */
export { Client, Server } from 'bittorrent-tracker';
