/**
 * What leaves through one interface of a network namespace: a short script on a packet socket, so that nothing needs to be
 * installed. Needs root. IPv4 and IPv6 only, without neighbour discovery and group reports, which are the kernel's own.
 */
import type { TestContext } from 'node:test';
import { Process } from './process.js';

/** arguments: INTERFACE. A line for each packet that the machine sends: protocol, source, destination, detail. */
const CAPTURE = `
import ipaddress, socket, struct, sys
OUTGOING = 4
capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
capture.bind((sys.argv[1], 3))
print('ready', flush=True)
NAMES = {1: 'icmp', 2: 'igmp', 6: 'tcp', 17: 'udp', 58: 'icmp6'}
while True:
    try:
        packet, (_, kind, direction, *_) = capture.recvfrom(65536)
    except OSError:
        continue
    if direction != OUTGOING: continue
    if kind == 0x0800:
        protocol, source, target = packet[9], packet[12:16], packet[16:20]
        rest = packet[(packet[0] & 15) * 4:]
    elif kind == 0x86dd:
        protocol, source, target, rest = packet[6], packet[8:24], packet[24:40], packet[40:]
    else: continue
    if protocol in (0, 2) or (protocol == 58 and rest[0] in range(130, 144)): continue
    detail = ''
    if protocol in (6, 17): detail = '%d>%d' % struct.unpack('!HH', rest[:4])
    if protocol == 6: detail += ' ' + ''.join(name for bit, name in ((1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, 'A')) if rest[13] & bit)
    print(NAMES.get(protocol, protocol), ipaddress.ip_address(source), ipaddress.ip_address(target), detail, flush=True)
`;

export class PacketCapture {
  readonly #process: Process;

  private constructor(process: Process) {
    this.#process = process;
  }

  /** Begun, when this resolves. */
  static async start(t: TestContext, namespace: string, interfaceName: string): Promise<PacketCapture> {
    const process = new Process(t, '/usr/bin/python3', ['-c', CAPTURE, interfaceName], { namespace });
    await process.line('start of the capture', 10_000, (line) => line === 'ready');
    return new PacketCapture(process);
  }

  /** So far, the oldest first: `udp 192.0.2.1 192.0.2.2 5000>53`. */
  get packets(): readonly string[] {
    return this.#process.lines.slice(1);
  }
}
