/** What the differential tests use of the npm libraries for BitTorrent's formats. */
export { default as bencode } from 'bencode';
export { default as createTorrent } from 'create-torrent';
export { decode as decodeMagnet, encode as encodeMagnet } from 'magnet-uri';
export { default as parseTorrent } from 'parse-torrent';
