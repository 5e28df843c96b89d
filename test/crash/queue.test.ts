import { connection, type Process, Queue, RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { payloadWord } from '../../src/memory/block.js';
import { dumpRing, RING_GETTER } from '../../src/queue/ring.js';
import { handleOf } from '../../src/serialize/passable.js';
import { CORRUPT, check, DUPLICATES, OUT_OF_ORDER, PER_PRODUCER, PUBLISHED, RECEIVED, STOP } from '../fixtures/crash/queue-user.mjs';
import { killCount, reportHits, startVictim, until, untilStopped } from '../helpers/victims.js';

const PROGRAM = 'crash/queue-user.mjs';

/** A queue under fire, and the books about it. */
class Battlefield {
  readonly queue = new Queue<Buffer>();
  readonly stats: Int32Array;
  readonly seen: Uint8Array;
  incarnations = 0;
  consumersKilled = 0;
  producersKilled = 0;

  constructor(mostIncarnations: number) {
    this.stats = new RawArray('i', PUBLISHED + mostIncarnations);
    this.seen = new RawArray('B', mostIncarnations * PER_PRODUCER);
  }

  producer(form: string, fault?: string): Promise<Process> {
    return startVictim(PROGRAM, 'produce', [this.queue, this.stats, this.incarnations++, form], { fault });
  }

  consumer(form: string, fault?: string): Promise<Process> {
    return startVictim(PROGRAM, 'consume', [this.queue, this.stats, this.seen, form], { fault });
  }

  get received(): number {
    return Atomics.load(this.stats, RECEIVED);
  }

  dump = (): string => `received ${this.received}; ${dumpRing(currentAgent().region.words, payloadWord(this.queue[handleOf]().offset))}`;

  /** Ends all, takes what is left, and balances the books. */
  async settle(processes: readonly Process[]): Promise<{ published: number; lost: number }> {
    Atomics.store(this.stats, STOP, 1);
    this.queue.close();
    for (const each of processes) {
      // how much is left to be got depends on the machine: it hangs if that does not become less
      for (let before = -1; !(await each.join({ timeout: 60_000 })); before = this.received)
        if (before === this.received) throw new Error(`${each.name} hangs: ${this.dump()}`);
    }
    const last = new Map<number, number>();
    for (;;) {
      let message: Buffer;
      try {
        message = this.queue.getNowait();
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
        break;
      }
      check(message, last, this.stats, this.seen);
    }
    let published = 0;
    let lost = 0;
    for (let incarnation = 0; incarnation < this.incarnations; incarnation++) {
      const count = this.stats[PUBLISHED + incarnation] as number;
      published += count;
      for (let sequence = 0; sequence < count; sequence++) if (this.seen[incarnation * PER_PRODUCER + sequence] === 0) lost++;
    }
    const books = { corrupt: this.stats[CORRUPT], duplicates: this.stats[DUPLICATES], outOfOrder: this.stats[OUT_OF_ORDER] };
    expect(books).toEqual({ corrupt: 0, duplicates: 0, outOfOrder: 0 });
    expect(this.queue.qsize()).toBe(0);
    expect(lost).toBeLessThanOrEqual(this.consumersKilled);
    return { published, lost };
  }
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

describe('a producer is killed at a step of put', () => {
  it.each(PUT_STEPS.flatMap((step) => (['sync', 'async'] as const).map((form) => [step, form] as const)))(
    '%s, %s: the others go on, nothing is lost or corrupted',
    async (step, form) => {
      const field = new Battlefield(8);
      const consumer = await field.consumer(form === 'sync' ? 'async' : 'sync');
      const survivor = await field.producer(form);
      const victims = await Promise.all([1, 3, 40].map((times) => field.producer(form, `${step}:${times}`)));
      await until(() => victims.every((victim) => !victim.isAlive()) || field.received > 20_000, field.dump);
      reportHits(step, form, victims);
      for (const victim of victims) victim.kill();
      const before = field.received;
      await until(() => field.received > before + 100 || !survivor.isAlive(), field.dump);
      await field.settle([survivor, consumer, ...victims]);
      expect([survivor.exitCode, consumer.exitCode]).toEqual([0, 0]);
    },
  );
});

describe('a consumer is killed at a step of get', () => {
  it.each(GET_STEPS.flatMap((step) => (['sync', 'async'] as const).map((form) => [step, form] as const)))(
    '%s, %s: the others go on, at most the item in its hands is lost',
    async (step, form) => {
      const field = new Battlefield(4);
      const producer = await field.producer('sync');
      const survivor = await field.consumer(form);
      const victims = await Promise.all([1, 3, 40].map((times) => field.consumer(form, `${step}:${times}`)));
      await until(() => victims.every((victim) => !victim.isAlive()) || field.received > 20_000, field.dump);
      reportHits(step, form, victims);
      for (const victim of victims) victim.kill();
      field.consumersKilled = victims.length;
      const before = field.received;
      await until(() => field.received > before + 100 || !producer.isAlive(), field.dump);
      await field.settle([producer, survivor, ...victims]);
      expect([producer.exitCode, survivor.exitCode]).toEqual([0, 0]);
    },
  );
});

describe('one is stopped inside put while the queue is closed', () => {
  const stopped = async (field: Battlefield): Promise<Process> => {
    const producer = await field.producer('sync', 'ring.put.framed:1:SIGSTOP');
    await untilStopped(producer, field.dump);
    field.queue.close();
    return producer;
  };

  it('it goes on: what it puts is got, and only then is the end', async () => {
    const field = new Battlefield(1);
    const producer = await stopped(field);
    expect([field.queue.tryGet(), await connection.wait([field.queue], { timeout: 0 })]).toEqual([undefined, []]);
    const gets = [field.queue.get(), field.queue.get()];
    process.kill(producer.pid as number, 'SIGCONT');
    const results = await Promise.allSettled(gets);
    expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'ERR_FORKFUL_CLOSED' } }]);
    await producer.join();
    expect([producer.exitCode, field.stats[PUBLISHED]]).toEqual([0, 1]);
  });

  it('it is killed: that is the end', async () => {
    const field = new Battlefield(1);
    const producer = await stopped(field);
    const got = field.queue.get();
    producer.kill();
    await expect(got).rejects.toMatchObject({ code: 'ERR_FORKFUL_CLOSED' });
    await producer.join();
  });
});

describe('one that waits in get', () => {
  it('is killed before it has what was put for it: whoever put it may have it at once', async () => {
    const field = new Battlefield(1);
    const waiting = await field.consumer('sync');
    const getter = payloadWord(field.queue[handleOf]().offset) + RING_GETTER;
    await until(() => Atomics.load(currentAgent().region.words, getter) !== 0, field.dump);
    process.kill(waiting.pid as number, 'SIGSTOP');
    field.queue.putSync(Buffer.from('for the one that waits'));
    waiting.kill();
    await waiting.join();
    expect(String(field.queue.getSync({ timeout: 500 }))).toBe('for the one that waits');
  });
});

describe('producers and consumers are killed at random', () => {
  it('and the others go on; nothing is corrupted, doubled or out of order; at most one item per killed consumer is lost', async () => {
    const kills = killCount(40);
    const field = new Battlefield(kills + 2);
    const roles = [
      () => field.producer('sync'),
      () => field.producer('async'),
      () => field.consumer('sync'),
      () => field.consumer('async'),
    ];
    const processes = await Promise.all(roles.map((start) => start()));
    let longest = 0;
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * roles.length);
      const victim = processes[index] as Process;
      const start = field.received;
      await until(() => field.received > start + Math.random() * 200, field.dump);
      victim.kill();
      if (index < 2) field.producersKilled++;
      else field.consumersKilled++;
      const [at, received] = [performance.now(), field.received];
      await until(() => field.received > received + 5, field.dump);
      longest = Math.max(longest, performance.now() - at);
      await victim.join();
      processes[index] = await (roles[index] as () => Promise<Process>)();
    }
    const { published, lost } = await field.settle(processes);
    console.log(
      `${kills} kills (${field.producersKilled} producers, ${field.consumersKilled} consumers), ${published} messages, ${lost} lost; longest stall ${longest.toFixed(0)} ms`,
    );
    expect(processes.map((each) => each.exitCode)).toEqual([0, 0, 0, 0]);
  }, 300_000);
});
