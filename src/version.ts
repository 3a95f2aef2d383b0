/** The version alone: what the command line prints without loading the rest of the library. */
export { VERSION } from './base/version.js';
