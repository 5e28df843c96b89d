import { Event, Pipe, Process, RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { END, ENDED_AT, makeMessage, RECEIVED, SENT, WRONG } from '../fixtures/crash/pipe-user.mjs';
import { killCount, reportHits, startVictim, until, untilStopped } from '../helpers/victims.js';

const PROGRAM = 'crash/pipe-user.mjs';
const module = new URL('../fixtures/crash/pipe-user.mjs', import.meta.url);
const EOF = 1;
const BROKEN_PIPE = 2;

type Form = 'sync' | 'async';
const FORMS = ['sync', 'async'] as const;
const other = (form: Form): Form => (form === 'sync' ? 'async' : 'sync');

const dump =
  (...all: Int32Array[]) =>
  (): string =>
    all.map((stats) => [...stats].slice(0, 5).join(' ')).join(' | ');
const newStats = (): Int32Array => new RawArray('i', 16);

/** In a quickly started process. */
function start(name: string, ...args: unknown[]): Promise<Process> {
  return new Process({ target: { module, name }, args, method: 'forkserver' }).start();
}

/** Waits until the survivor has noticed that it is alone; then ends it. @returns how long after `since` that was */
async function alone(survivor: Process, stats: Int32Array, ending: number, since: number, ...more: Int32Array[]): Promise<number> {
  await until(() => Atomics.load(stats, END) !== 0, dump(stats, ...more));
  const ms = Number((BigInt(stats[ENDED_AT] as number) - BigInt(since)) & 0xffffffffn);
  expect(Atomics.load(stats, END) & ending).not.toBe(0);
  expect(await survivor.join({ timeout: 60_000 })).toBe(true);
  expect(survivor.exitCode).toBe(0);
  return ms > 2 ** 31 ? 0 : ms; // it may be quicker than this process
}

const now = () => Math.floor(Number(process.hrtime.bigint() / 1_000_000n)) | 0;

/** Lets each victim come to its step, or kills it there where it is. */
async function letDie(step: string, form: Form, victims: readonly Process[], hasGoneOn: () => boolean, state: () => string): Promise<void> {
  await until(() => victims.every((victim) => !victim.isAlive()) || hasGoneOn(), state);
  reportHits(step, form, victims);
  for (const victim of victims) victim.kill();
}

const PUT_STEPS = [
  'ring.put.framed',
  'ring.put.cursor',
  'ring.put.committed',
  'ring.grown',
  'pages.intent',
  'pages.marked',
  'waiting.bumped',
  'waiting.cleared',
];
const GET_STEPS = ['ring.get.cursor', 'ring.get.committed', 'waiting.registered', 'mutex.acquired'];
const CASES = (steps: readonly string[]) => steps.flatMap((step) => FORMS.map((form) => [step, form] as const));

describe('a sender is killed at a step of send', () => {
  it.each(CASES(PUT_STEPS))('%s, %s: all that it had sent is received in order, then the end', async (step, form) => {
    const rounds = await Promise.all(
      [1, 3, 40].map(async (times) => {
        const [here, there] = Pipe();
        const [sent, received] = [newStats(), newStats()];
        const survivor = await startVictim(PROGRAM, 'receive', [here, received, other(form)]);
        here.close();
        const victim = await startVictim(PROGRAM, 'send', [there, sent, form], { fault: `${step}:${times}` });
        there.close();
        return { sent, received, survivor, victim };
      }),
    );
    const victims = rounds.map(({ victim }) => victim);
    const state = dump(...rounds.flatMap(({ sent, received }) => [sent, received]));
    await letDie(step, form, victims, () => rounds.every(({ sent, victim }) => !victim.isAlive() || (sent[SENT] as number) > 3000), state);
    const since = now();
    for (const { sent, received, survivor, victim } of rounds) {
      await alone(survivor, received, EOF, since, sent);
      await victim.join();
      const counts = dump(sent, received)();
      expect(received[WRONG], counts).toBe(0);
      expect(received[RECEIVED], counts).toBeGreaterThanOrEqual(sent[SENT] as number);
      expect(received[RECEIVED], counts).toBeLessThanOrEqual((sent[SENT] as number) + 1); // killed between the commit and the count of it
    }
  });
});

describe('a receiver is killed at a step of recv', () => {
  it.each(CASES(GET_STEPS))('%s, %s: the sender is told that nobody receives any more', async (step, form) => {
    const rounds = await Promise.all(
      [5, 7, 44].map(async (times) => {
        // the first four gets are those of its arguments
        const [here, there] = Pipe(false);
        const [sent, received] = [newStats(), newStats()];
        const survivor = await startVictim(PROGRAM, 'send', [there, sent, other(form)]);
        there.close();
        const victim = await startVictim(PROGRAM, 'receive', [here, received, form], { fault: `${step}:${times}` });
        here.close();
        return { sent, received, survivor, victim };
      }),
    );
    const victims = rounds.map(({ victim }) => victim);
    const state = dump(...rounds.flatMap(({ sent, received }) => [sent, received]));
    await letDie(
      step,
      form,
      victims,
      () => rounds.every(({ received, victim }) => !victim.isAlive() || (received[RECEIVED] as number) > 3000),
      state,
    );
    const since = now();
    for (const { sent, received, survivor, victim } of rounds) {
      await alone(survivor, sent, BROKEN_PIPE, since, received);
      await victim.join();
      expect(received[WRONG]).toBe(0);
      expect(received[RECEIVED]).toBeLessThanOrEqual((sent[SENT] as number) + 1);
    }
  });
});

describe('a process is killed while it closes its end, and is the last to have it', () => {
  it.each(['block.dropped', 'block.freeing', 'pipe.ended', 'pipe.closed'])('%s: the other end is told', async (step) => {
    for (const form of FORMS) {
      const [here, there] = Pipe();
      const [stats, event] = [newStats(), new Event()];
      const survivor = await startVictim(PROGRAM, 'receive', [here, stats, form]);
      here.sendSync('close');
      here.close();
      const times = step === 'block.dropped' ? 2 : 1; // the queue of its arguments is dropped first, and freed by its parent
      const victim = await startVictim(PROGRAM, 'closeAndLive', [there, event], { fault: `${step}:${times}` });
      there.close();
      await until(() => !victim.isAlive(), dump(stats));
      expect(await victim.join()).toBe(true);
      expect(victim.exitCode).toBe(-9);
      await alone(survivor, stats, EOF, now());
    }
  });
});

describe('a process that has the other end ends while this thread is blocked in recvSync', () => {
  it.each(['forkserver', 'spawn', 'fork'] as const)('%s: it is the end, although nobody reaps the child', async (method) => {
    const [here, there] = Pipe();
    const child = await new Process({ target: { module, name: 'dieLater' }, args: [there, 100], method }).start();
    there.close();
    expect(here.recvSync({ timeout: 60_000 })).toBe('here');
    const began = performance.now();
    expect(() => here.recvSync({ timeout: 60_000 })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_EOF' }));
    console.log(`${method}: ${(performance.now() - began).toFixed(0)} ms, 100 of them until the kill (200 promised)`);
    await child.join();
    here.close();
  });

  it('and also when it had not taken its arguments yet', async () => {
    const [here, there] = Pipe();
    const child = await startVictim(PROGRAM, 'dieLater', [there, 0], { fault: 'ring.get.cursor:1' });
    there.close();
    expect(() => here.recvSync({ timeout: 60_000 })).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_EOF' }));
    expect(() => here.sendSync(1)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_BROKEN_PIPE' }));
    await child.join();
    here.close();
  });
});

describe('one of two who talk is killed at random', () => {
  it('and the other is told; nothing is corrupted, lost or out of order', async () => {
    const kills = killCount(120);
    let longest = 0;
    let messages = 0;
    for (let kill = 0; kill < kills; kill++) {
      const [a, b] = Pipe();
      const stats = [newStats(), newStats()] as const;
      const forms = [FORMS[kill & 1] as Form, FORMS[(kill >> 1) & 1] as Form] as const;
      const both = await Promise.all([start('converse', a, stats[0], forms[0]), start('converse', b, stats[1], forms[1])]);
      a.close();
      b.close();
      const doomed = Math.random() < 0.5 ? 0 : 1;
      const target = Math.random() * 60;
      const state = dump(...stats);
      await until(() => (stats[doomed][RECEIVED] as number) >= target, state);
      const since = now();
      both[doomed].kill();
      const [dead, living] = [stats[doomed], stats[1 - doomed] as Int32Array];
      longest = Math.max(longest, await alone(both[1 - doomed] as Process, living, EOF | BROKEN_PIPE, since, dead));
      await both[doomed].join();
      const counts = state();
      expect([dead[WRONG], living[WRONG]], counts).toEqual([0, 0]);
      expect(living[RECEIVED], counts).toBeGreaterThanOrEqual(dead[SENT] as number);
      expect(living[RECEIVED], counts).toBeLessThanOrEqual((dead[SENT] as number) + 1);
      messages += (dead[RECEIVED] as number) + (living[RECEIVED] as number);
      for (const array of stats) (array as unknown as Disposable)[Symbol.dispose]?.();
    }
    console.log(`${kills} kills, ${messages} messages; the other one knew after ${longest} ms at the latest (200 promised)`);
  }, 300_000);
});

describe('several receivers at one end are killed at random', () => {
  it('and the others go on; at most one message per kill is lost; when all are gone the sender is told', async () => {
    const kills = killCount(40);
    const [here, there] = Pipe(false);
    const [stats, seen] = [newStats(), new RawArray('i', 500_000)];
    const startOne = (kill: number): Promise<Process> => start('share', here, stats, seen, FORMS[kill & 1]);
    const receivers = await Promise.all([0, 1, 2].map(startOne));
    let sequence = 0;
    const sendSome = async (): Promise<void> => {
      const goal = (stats[RECEIVED] as number) + 20;
      for (const end = performance.now() + 60_000; (stats[RECEIVED] as number) < goal; ) {
        if (performance.now() > end) throw new Error(`nobody receives: ${dump(stats)()}`);
        if (sequence - (stats[RECEIVED] as number) < 1000) there.sendSync(makeMessage(sequence++));
        if (sequence % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    for (let kill = 0; kill < kills; kill++) {
      await sendSome();
      const index = Math.floor(Math.random() * 3);
      (receivers[index] as Process).kill();
      await sendSome();
      await (receivers[index] as Process).join();
      receivers[index] = await startOne(kill);
    }
    await until(() => (stats[RECEIVED] as number) >= sequence - kills, dump(stats));
    expect(stats[WRONG]).toBe(0);
    expect(sequence - (stats[RECEIVED] as number)).toBeLessThanOrEqual(kills);
    here.close();
    expect(() => there.sendSync(1)).not.toThrow();
    for (const each of receivers) each.kill();
    await Promise.all(receivers.map((each) => each.join()));
    expect(() => there.sendSync(1)).toThrow(expect.objectContaining({ code: 'ERR_FORKFUL_BROKEN_PIPE' }));
    console.log(`${kills} kills, ${sequence} messages, ${sequence - (stats[RECEIVED] as number)} lost`);
    there.close();
  }, 300_000);
});

describe('the other end is freed while a sender is stopped inside send', () => {
  it.each([
    ['which sends an end of a pipe', 1],
    ['which has sent an end of a pipe before', 2],
  ])('%s: that one is discarded, and missed at its own other end', async (_, messages) => {
    const [[here, there], stats] = [Pipe(), newStats()];
    const sender = await startVictim(PROGRAM, 'sendAway', [there, stats, messages], { fault: `ring.put.framed:${messages}:SIGSTOP` });
    there.close();
    await untilStopped(sender, dump(stats));
    here.close();
    process.kill(sender.pid as number, 'SIGCONT');
    await sender.join();
    expect([sender.exitCode, stats[END]]).toEqual([0, EOF]);
  });
});

describe('a process that has an end is stopped', () => {
  it('which is no death: what it does when it goes on arrives', async () => {
    const [here, there] = Pipe();
    const event = new Event();
    const child = await start('keep', there, event);
    there.close();
    await event.wait();
    process.kill(child.pid as number, 'SIGSTOP');
    expect(await here.poll(400)).toBe(false);
    await here.send(1);
    child.kill();
    await expect(here.recv({ timeout: 60_000 })).rejects.toMatchObject({ code: 'ERR_FORKFUL_EOF' });
    await child.join();
    here.close();
  });
});
