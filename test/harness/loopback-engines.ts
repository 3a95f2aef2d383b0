/**
 * Loaded before a program that starts engines with their defaults: without what would ask the internet or the local
 * network, as LOOPBACK_ONLY does it for the command line.
 */
import { type BooleanSetting, SETTINGS_TABLE } from 'dtorrent';

for (const name of ['dht', 'lsd', 'portMapping'] as const) {
  (SETTINGS_TABLE[name] as { -readonly [K in keyof BooleanSetting]: BooleanSetting[K] }).default = false;
}
