/** The other thread of Watchdog. */
import { workerData } from 'node:worker_threads';
import { watch } from './watchdog.js';

watch(workerData as SharedArrayBuffer);
