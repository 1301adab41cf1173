import { expect } from 'chai';
import fc from 'fast-check';
import { isTerminal } from '../../src/contracts/message.ts';
import { Device } from '../support/device.ts';
import { SessionWorld } from '../support/session-world.ts';
import { microtasks } from '../support/until.ts';

type Step = () => void;

const DELTAS = ['x', 'hello ', '😀', 'ä'.repeat(40)];
const ENDS = ['completed', 'failed', 'cancelled'] as const;
const MAX_REPLIES = 4;
/** So small that a slow client overflows it with a few events. */
const MAX_BYTES = 1_500;

/** Everything that could happen now, the frequent things more often. `nth` makes a choice within a step. */
function possible(world: SessionWorld, device: Device, nth: number): Step[] {
  const of = <T>(list: T[]): T | undefined => list[nth % Math.max(1, list.length)];
  const steps: Step[] = [...world.steps(), ...world.steps()];
  const ended = [...world.rows.values()].filter((row) => isTerminal(row.status) && row.role === 'assistant');

  const writer = of(world.writing());
  if (writer) {
    const isTold = nth % 9 !== 0;
    const write = () => world.write(writer, DELTAS[nth % DELTAS.length] as string, isTold);
    const think = () => world.think(writer, DELTAS[nth % DELTAS.length] as string, isTold);
    // Reasoning comes first, or not at all; now and then a model reasons again in between.
    const reasons = writer.text === '' && world.attempts.indexOf(writer) % 2 === 0;
    steps.push(...Array<Step>(6).fill(reasons ? think : write), write, think);
    if (nth % 3 === 0) steps.push(() => world.settle(writer, ENDS[nth % ENDS.length] as 'completed'));
  }
  const claimable = of(world.claimable());
  // Of a reply that is being written, another worker takes the claim now and then.
  if (claimable && (claimable.status === 'queued' || nth % 6 === 0)) steps.push(() => world.claim(claimable));
  if (world.all.size < 2 * MAX_REPLIES && nth % 2 === 0)
    steps.push(() => world.post(nth % 5 === 0 ? (nth % 4) / 2 : 2));
  const told = of(ended);
  if (told && nth % 3 === 0) steps.push(() => world.tellEndAgain(told));
  if (told && nth % 5 === 0) steps.push(() => world.remove(told));

  if (!device.connected) steps.push(...Array<Step>(4).fill(() => device.connect()));
  else {
    const { link } = device;
    if (device.inFlight > 0) steps.push(...Array<Step>(4).fill(() => device.receive()));
    if (link && link.arriving.length > 0) steps.push(...Array<Step>(8).fill(() => link.arrive()));
    if (nth % 8 === 0) steps.push(() => device.cut(nth % 3));
    if (nth % 16 === 1) steps.push(() => link?.lose());
    steps.push(() => link?.find());
    if (device.kind === 'socket' && nth % 8 === 2) steps.push(() => device.leave());
    // What it says that it has must not be out of date when the server comes to it.
    const quiet = device.settled && world.quiet;
    if (device.kind === 'socket' && nth % 8 === 3 && quiet) steps.push(() => device.join());
  }
  return steps;
}

/** Lets everything end: replies, what is on its way, what the client has still to be told. */
async function rest(world: SessionWorld, device: Device): Promise<void> {
  for (let rounds = 0; rounds < 300; rounds += 1) {
    if (!device.connected) device.connect();
    else if (!device.reading) device.join();
    device.link?.find();
    await microtasks();
    const [claimable] = world.claimable().filter((row) => row.status === 'queued');
    const [writer] = world.writing();
    const [step] = world.steps();
    if (step) step();
    else if (device.link?.arriving.length) device.link.arrive();
    else if (device.inFlight > 0) device.receive();
    else if (claimable) world.claim(claimable);
    else if (writer) world.settle(writer, 'completed');
    else return;
    await microtasks();
  }
  throw new Error('it does not come to an end');
}

function expectNoFault({ transcript }: Device): void {
  // While events were missed, a reply can be heard of before the question is read again.
  const faults = transcript.faults.filter((fault) => !fault.includes('came before what it answers'));
  // An assertion costs more than all else in a step.
  if (faults.length > 0) expect.fail(faults.join('\n'));
}

for (const kind of ['socket', 'stream'] as const) {
  describe(`SessionReader over a ${kind}, whatever happens in whatever order`, () => {
    it('lets its client see every event once, and end with every text', async function () {
      this.timeout(60_000);
      // Small numbers are no likelier than others: they would cut the connection again and again.
      const choice = fc.noBias(fc.tuple(fc.nat(10_000), fc.nat(10_000)));
      const tape = fc.array(choice, { maxLength: 200, size: 'max' });
      await fc.assert(
        fc.asyncProperty(tape, async (choices) => {
          const world = new SessionWorld();
          const device = new Device(world, kind, MAX_BYTES);
          device.connect();
          world.post(2);
          for (const [which, nth] of choices) {
            const steps = possible(world, device, nth);
            steps[which % steps.length]?.();
            await microtasks();
            expectNoFault(device);
          }
          await rest(world, device);
          const { transcript, failures } = device;
          expect(failures).to.deep.equal([]);
          expectNoFault(device);
          for (const [id, message] of world.rows) {
            const copy = transcript.copies.get(id);
            if (!copy && (device.since === undefined || id <= device.since)) continue;
            expect(copy?.text, `the text of ${id}`).to.equal(message.content);
            expect(copy?.reasoning, `the reasoning of ${id}`).to.equal(message.reasoning ?? '');
            if (message.role !== 'assistant') continue;
            expect(copy?.done?.status, `the end of ${id}`).to.equal(message.status);
          }
          for (const [id, { message, done }] of transcript.copies) {
            if (world.rows.has(id) || done || message.role === 'user') continue;
            const events = transcript.of(id).map(({ event }) => event);
            expect(events, `the deletion of ${id}`).to.include('message:delete');
          }
        }),
        { numRuns: 1_500 },
      );
    });
  });
}
