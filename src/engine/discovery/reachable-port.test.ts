/** What others are told of the port that a router maps to ours: an engine at home, in a simulated world. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeUint16, writeUint32 } from '../../base/bytes.js';
import type { Gateway } from '../../host/network.js';
import { GATEWAY_PORT } from '../../protocol/nat/nat-pmp.js';
import { Simulator } from '../../sim/simulator.js';
import { RecordingTracker } from '../testing/recording-tracker.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import { SURVEY_EVERY_MS } from './port-mapping.js';

const GATEWAY: Gateway = { family: 4, host: '192.168.1.1', localHost: '192.168.1.7', prefixBits: 24 };
const EXTERNAL_PORT = 50_000;
const LIFETIME_OFFSET = 4;

/** A router that speaks PCP. @returns the lifetimes that it was asked for. */
function addRouter(simulator: Simulator): number[] {
  const lifetimes: number[] = [];
  const { network } = simulator.createHost({ ipv4: GATEWAY.host, ipv6: null });
  const socket = network.openDatagramSocket(
    { host: '', port: GATEWAY_PORT },
    {
      onListening: () => {},
      onError: (error) => {
        throw error;
      },
      onDatagram: (packet, from) => {
        const answer = packet.slice();
        lifetimes.push(new DataView(answer.buffer).getUint32(LIFETIME_OFFSET));
        answer[1] = 0x81;
        writeUint32(answer, 8, Math.floor(simulator.now / 1000));
        writeUint16(answer, 42, EXTERNAL_PORT);
        answer.set([11, 22, 33, 44], 56);
        socket.send(answer, from);
      },
    },
  );
  return lifetimes;
}

test('trackers and peers are told the port that the router lets peers in at, and the router that we go', () => {
  const simulator = new Simulator({ seed: 1 });
  const lifetimes = addRouter(simulator);
  const tracker = new RecordingTracker(simulator, 'tracker.test');
  tracker.answer = () => ({ interval: 1800, 'min interval': 60 });
  const engine = new SimEngine(simulator, { portMapping: true }, { ipv4: GATEWAY.localHost, ipv6: null });
  const { metainfo } = makeSimTorrent({
    lengths: { 'a.bin': 100_000 },
    pieceLength: 32_768,
    trackers: [tracker.httpUrl],
  });
  const added = engine.add(metainfo);
  simulator.run(10_000);
  const ours = engine.session.listenPort;
  assert.equal(engine.session.reachablePort, ours);
  assert.equal(added.extensionHandshake.listenPort, ours);

  Object.assign(engine.host.network, { gateways: () => [GATEWAY] });
  simulator.run(SURVEY_EVERY_MS + 60_000);
  assert.equal(engine.session.reachablePort, EXTERNAL_PORT);
  assert.equal(added.extensionHandshake.listenPort, EXTERNAL_PORT);
  assert.equal(engine.session.context.externalAddress.of(4), '11.22.33.44');
  assert.deepEqual(
    tracker.heard.map(({ event, port }) => `${event} ${port}`),
    [`started ${ours}`, ` ${EXTERNAL_PORT}`],
    'at once, and not only after the interval',
  );
  assert.deepEqual(lifetimes, [3600, 3600]);

  engine.stop(simulator);
  assert.deepEqual(lifetimes, [3600, 3600, 0, 0]);
  assert.equal(tracker.heard.at(-1)!.event, 'stopped');
});
