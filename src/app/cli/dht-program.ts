/** The part of the command tree below `dtorrent dht`. Called by program.ts. */
import type { Command } from 'commander';
import type { CommandContext } from './context.js';
import * as options from './dht-options.js';

const TORRENT = 'info-hash, magnet link, or a .torrent (path, URL, - for stdin)';

export function addDhtCommands(
  program: Command,
  context: CommandContext,
  onExitCode: (exitCode: number) => void,
): void {
  const dht = program.command('dht').description('look things up in the DHT, put things there, or be one of its nodes');

  const node = dht
    .command('node')
    .description('be a node of the DHT until stopped')
    .action(async (given: options.DhtNodeOptions) => {
      const { runDhtNode } = await import('./commands/dht/node.js');
      onExitCode(await runDhtNode(given, context));
    });
  options.addDhtNodeOptions(node);

  const getPeers = dht
    .command('get-peers')
    .description('print the addresses of the peers of a torrent')
    .argument('<torrent>', TORRENT)
    .action(async (torrent: string, given: options.DhtQueryOptions) => {
      const { runDhtGetPeers } = await import('./commands/dht/get-peers.js');
      onExitCode(await runDhtGetPeers(torrent, given, context));
    });
  options.addDhtQueryOptions(getPeers);

  const scrape = dht
    .command('scrape')
    .description('estimate how many seeds and leechers a torrent has (BEP 33)')
    .argument('<torrent>', TORRENT)
    .action(async (torrent: string, given: options.DhtQueryOptions) => {
      const { runDhtScrape } = await import('./commands/dht/scrape.js');
      onExitCode(await runDhtScrape(torrent, given, context));
    });
  options.addDhtQueryOptions(scrape);

  addItemCommands(dht, context, onExitCode);
}

/** BEP 44. */
function addItemCommands(dht: Command, context: CommandContext, onExitCode: (exitCode: number) => void): void {
  const get = dht
    .command('get')
    .description('print a value that is kept in the DHT (BEP 44)')
    .argument('[target]', '40 hex digits as put prints them, or a magnet link with a public key (BEP 46)')
    .action(async (target: string | undefined, given: options.DhtGetOptions) => {
      const { runDhtGet } = await import('./commands/dht/get.js');
      onExitCode(await runDhtGet(target, given, context));
    });
  options.addDhtGetOptions(get);

  const put = dht
    .command('put')
    .description('have others keep a value for two hours (BEP 44), and print where')
    .argument('[value]', 'a text, 1000 bytes at most with its length')
    .action(async (value: string | undefined, given: options.DhtPutOptions) => {
      const { runDhtPut } = await import('./commands/dht/put.js');
      onExitCode(await runDhtPut(value, given, context));
    });
  options.addDhtPutOptions(put);

  const keygen = dht
    .command('keygen')
    .description('make a key for items that can be replaced, and print its public half')
    .argument('<file>', 'the file to write the secret half to; nobody else may see it')
    .action(async (file: string, given: options.DhtKeygenOptions) => {
      const { runDhtKeygen } = await import('./commands/dht/keygen.js');
      onExitCode(await runDhtKeygen(file, given, context));
    });
  options.addDhtKeygenOptions(keygen);
}
