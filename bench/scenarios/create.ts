/**
 * Making torrents, of one large file and of many small ones: BitTorrent v1, and hybrids, which hash everything twice.
 * Both sides get the same piece length. The processes' whole time counts; the page cache is warm. libtorrent's Python
 * binding has no way to ask for more than one hash thread.
 */
import { join } from 'node:path';
import { SHARED } from '../../test/harness/repository.js';
import { commandLine } from '../clients/dtorrent.js';
import type { Figures, Scenario } from '../suite/scenario.js';
import { PYTHON } from '../workbench/measured.js';
import type { Workbench } from '../workbench/workbench.js';

const LIBTORRENT_CREATE = join(SHARED, 'peers', 'lt_create.py');
const SMALL_FILES = 20_000;
const SMALL_FILE_BYTES = 16 * 1024;

type Kind = 'v1' | 'hybrid';

interface Source {
  readonly path: string;
  readonly pieceBytes: number;
}

export const CREATE_SCENARIOS: readonly Scenario[] = [
  createScenario('create-v1', 'create, v1', 'v1', largeFile),
  createScenario('create-hybrid', 'create, hybrid', 'hybrid', largeFile),
  createScenario('create-small-v1', 'create, v1, 20,000 files', 'v1', smallFiles),
  createScenario('create-small-hybrid', 'create, hybrid, 20,000 files', 'hybrid', smallFiles),
];

function largeFile(bench: Workbench): Source {
  return { path: bench.contents.noiseFile(bench.scale.mib), pieceBytes: 1024 * 1024 };
}

/** The piece length is the one that dtorrent would choose for so much data. */
function smallFiles(bench: Workbench): Source {
  return { path: bench.contents.smallFiles(SMALL_FILES, SMALL_FILE_BYTES), pieceBytes: 256 * 1024 };
}

function createScenario(name: string, title: string, kind: Kind, source: (bench: Workbench) => Source): Scenario {
  const ours = ({ path, pieceBytes }: Source, output: string): string[] => {
    const kindOptions = kind === 'v1' ? ['--v1'] : [];
    return commandLine(['create', path, '-o', output, '--piece-length', String(pieceBytes), ...kindOptions, '--json']);
  };
  const theirs = ({ path, pieceBytes }: Source, output: string): string[] => {
    return [PYTHON, LIBTORRENT_CREATE, path, output, String(pieceBytes), kind];
  };
  return {
    name,
    title,
    sides: [
      { name: 'dtorrent', run: (bench) => create(bench, source(bench), ours) },
      { name: 'libtorrent', run: (bench) => create(bench, source(bench), theirs) },
    ],
    goals: [{ figure: 'wallSeconds', against: 'libtorrent', bound: 1 }],
  };
}

function create(
  bench: Workbench,
  source: Source,
  command: (source: Source, output: string) => string[],
): Promise<Figures> {
  bench.contents.readThrough(source.path);
  return bench.withFolder(async (into) => {
    const { wallSeconds, cpuSeconds, rssMib } = await bench.start(command(source, join(into, 'made.torrent'))).end();
    return { wallSeconds, cpuSeconds, rssMib };
  });
}
