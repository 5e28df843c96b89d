import { inspect } from 'node:util';
import { JoinableQueue, type Process, RawArray } from 'forkful';
import { describe, expect, it } from 'vitest';
import { currentAgent } from '../../src/arena/agent.js';
import { payloadWord } from '../../src/memory/block.js';
import { dumpRing } from '../../src/queue/ring.js';
import { handleOf } from '../../src/serialize/passable.js';
import { CORRUPT, FINISHED, FINISHING, GO, GOT, HOLDS, OUT_OF_ORDER, PER_PRODUCER, PUBLISHED, STOP } from '../fixtures/crash/task-user.mjs';
import { killCount, reportHits, startVictim, until, untilStopped } from '../helpers/victims.js';

const PROGRAM = 'crash/task-user.mjs';

/** A queue of tasks under fire, and the books about it. */
class Worksite {
  readonly queue = new JoinableQueue();
  readonly stats: Int32Array;
  readonly traces: Uint8Array;
  incarnations = 0;
  producersKilled = 0;
  workersKilled = 0;

  constructor(mostIncarnations: number) {
    this.stats = new RawArray('i', PUBLISHED + mostIncarnations);
    this.traces = new RawArray('B', mostIncarnations * PER_PRODUCER);
  }

  producer(form: string, fault?: string): Promise<Process> {
    return startVictim(PROGRAM, 'produce', [this.queue, this.stats, this.incarnations++, form], { fault });
  }

  worker(form: string, fault?: string): Promise<Process> {
    return startVictim(PROGRAM, 'work', [this.queue, this.stats, this.traces, form], { fault });
  }

  get finished(): number {
    return Atomics.load(this.stats, FINISHED);
  }

  dump = (): string =>
    `${inspect(this.queue)} lost ${this.queue.lostTasks} finished ${this.finished}; ${dumpRing(currentAgent().region.words, payloadWord(this.queue[handleOf]().offset))}`;

  /** Ends the producers, joins the queue while the workers that are left empty it, ends these, and balances the books. */
  async settle(producers: readonly Process[], workers: readonly Process[]): Promise<string> {
    Atomics.store(this.stats, STOP, 1);
    await this.end(producers);
    if (!(await this.queue.join({ timeout: 60_000 }))) throw new Error(`not joined: ${this.dump()}`);
    expect([this.queue.qsize(), this.queue.joinSync({ timeout: 0 })]).toEqual([0, true]);
    const counts = this.count(); // now: nobody has anything in hand any more
    this.queue.close();
    await this.end(workers);
    expect({ corrupt: this.stats[CORRUPT], outOfOrder: this.stats[OUT_OF_ORDER] }).toEqual({ corrupt: 0, outOfOrder: 0 });
    const { published, dropped, got, finishing } = counts;
    const { lostTasks } = this.queue;
    // whoever was killed around its taskDone, or as it put, may or may not have done it
    expect(lostTasks).toBeGreaterThanOrEqual(dropped + got);
    expect(lostTasks).toBeLessThanOrEqual(dropped + got + finishing + this.producersKilled);
    expect(lostTasks).toBeLessThanOrEqual(this.workersKilled);
    return `${published} tasks, ${lostTasks} lost (${dropped} unseen, ${got} got, ${finishing} being called done)`;
  }

  async end(processes: readonly Process[]): Promise<void> {
    for (const each of processes) if (!(await each.join({ timeout: 60_000 }))) throw new Error(`${each.name} hangs: ${this.dump()}`);
  }

  count(): { published: number; dropped: number; got: number; finishing: number } {
    let [published, dropped, got, finishing] = [0, 0, 0, 0];
    for (let incarnation = 0; incarnation < this.incarnations; incarnation++) {
      const count = this.stats[PUBLISHED + incarnation] as number;
      published += count;
      for (let sequence = 0; sequence < PER_PRODUCER; sequence++) {
        const trace = Atomics.load(this.traces, incarnation * PER_PRODUCER + sequence);
        if (trace === 0 && sequence < count) dropped++;
        if (trace === GOT) got++;
        if (trace === FINISHING) finishing++;
      }
    }
    return { published, dropped, got, finishing };
  }
}

const WORK_STEPS: readonly (readonly [string, readonly number[]])[] = [
  ['tasks.settled', [1]],
  ['tasks.claimed', [1]],
  ['tasks.taking', [1, 3, 40]],
  ['tasks.taken', [1, 3, 40]],
  ['ring.get.cursor', [1, 3, 40]],
  ['ring.get.committed', [1, 3, 40]],
  ['tasks.done', [1, 3, 40]],
];
const PUT_STEPS: readonly (readonly [string, readonly number[]])[] = [
  ['ring.put.framed', [1, 3, 40]],
  ['ring.put.committed', [1, 3, 40]],
];
const forms = ['sync', 'async'] as const;

describe('a worker is killed at a step', () => {
  it.each(WORK_STEPS.flatMap(([step, times]) => forms.map((form) => [step, form, times] as const)))(
    '%s, %s: the others go on, all is joined, and what was in its hands is told of',
    async (step, form, times) => {
      const site = new Worksite(4);
      const producer = await site.producer('sync');
      const survivor = await site.worker(form);
      const victims = await Promise.all(times.map((n) => site.worker(form, `${step}:${n}`)));
      await until(() => victims.every((victim) => !victim.isAlive()) || site.finished > 10_000, site.dump);
      reportHits(step, form, victims);
      for (const victim of victims) victim.kill();
      site.workersKilled = victims.length;
      await site.settle([producer], [survivor, ...victims]);
      expect([producer.exitCode, survivor.exitCode]).toEqual([0, 0]);
    },
  );
});

describe('a producer is killed at a step', () => {
  it.each(PUT_STEPS.flatMap(([step, times]) => forms.map((form) => [step, form, times] as const)))(
    '%s, %s: what it has put is done, no more and no less is waited for',
    async (step, form, times) => {
      const site = new Worksite(8);
      const worker = await site.worker(form);
      const victims = await Promise.all(times.map((n) => site.producer(form, `${step}:${n}`)));
      await until(() => victims.every((victim) => !victim.isAlive()), site.dump);
      reportHits(step, form, victims);
      site.producersKilled = victims.length;
      await site.settle(victims, [worker]);
      expect([worker.exitCode, site.queue.lostTasks]).toEqual([0, 0]);
    },
  );
});

describe('one that has tasks in hand', () => {
  it('and is stopped is waited for; it is killed, and who joins is told within 200 ms', async () => {
    const site = new Worksite(1);
    for (let i = 0; i < 3; i++) site.queue.putSync(i);
    const holder = await startVictim(PROGRAM, 'hold', [site.queue, site.stats, 3]);
    await until(() => site.stats[HOLDS] === 1, site.dump);
    process.kill(holder.pid as number, 'SIGSTOP');
    expect([await site.queue.join({ timeout: 400 }), site.queue.joinSync({ timeout: 400 }), site.queue.lostTasks]).toEqual([
      false,
      false,
      0,
    ]);
    const joined = site.queue.join({ timeout: 60_000 });
    const killed = performance.now();
    holder.kill();
    expect(await joined).toBe(true);
    console.log(`joined ${(performance.now() - killed).toFixed(0)} ms after the kill (200 promised)`);
    expect(site.queue.lostTasks).toBe(3);
    await holder.join();
  });

  it('and was stopped for a while calls them done', async () => {
    const site = new Worksite(1);
    site.queue.putSync(0);
    const holder = await startVictim(PROGRAM, 'hold', [site.queue, site.stats, 1]);
    await until(() => site.stats[HOLDS] === 1, site.dump);
    process.kill(holder.pid as number, 'SIGSTOP');
    Atomics.store(site.stats, GO, 1);
    expect(await site.queue.join({ timeout: 100 })).toBe(false);
    process.kill(holder.pid as number, 'SIGCONT');
    expect([await site.queue.join({ timeout: 60_000 }), site.queue.lostTasks]).toEqual([true, 0]);
    await holder.join();
  });
});

/** At these steps the stopped one has one side of the queue; others that need that side wait, no longer than they may. */
const STOP_STEPS: readonly (readonly [string, string])[] = [
  ['tasks.settled', 'get'],
  ['tasks.claimed', 'get'],
  ['tasks.taking', 'get'],
  ['tasks.taken', 'get'],
  ['ring.get.cursor', 'get'],
  ['ring.get.committed', 'get'],
  ['tasks.done', 'get'],
  ['ring.put.framed', 'put'],
  ['ring.put.committed', 'put'],
];

describe('one is stopped at a step', () => {
  const stoppedAt = async (step: string, what: string, site: Worksite): Promise<Process> => {
    if (what === 'get') for (const task of ['first', 'second']) site.queue.putSync(task);
    const stopped = await startVictim(PROGRAM, 'useOnce', [site.queue, site.stats, what], { fault: `${step}:1:SIGSTOP` });
    await untilStopped(stopped, site.dump);
    return stopped;
  };
  /** Waiting is over when it should be, whatever the stopped one has in its hands. */
  const expectInTime = async (site: Worksite, isAllDone: boolean): Promise<void> => {
    const { queue } = site;
    expect([await queue.join({ timeout: 50 }), queue.joinSync({ timeout: 50 }), queue.lostTasks]).toEqual([isAllDone, isAllDone, 0]);
    for (const use of [() => queue.getNowait(), () => queue.putNowait('x'), () => queue.getSync({ timeout: 50 })]) {
      try {
        use();
      } catch (error) {
        expect(['ERR_FORKFUL_EMPTY', 'ERR_FORKFUL_FULL']).toContain((error as { code: string }).code);
      }
    }
  };
  const finish = async (queue: JoinableQueue): Promise<void> => {
    for (let got = true; got; ) {
      try {
        await queue.get({ timeout: 300 });
      } catch (error) {
        expect((error as { code: string }).code).toBe('ERR_FORKFUL_EMPTY');
        got = false;
      }
    }
    for (let isOne = true; isOne; ) {
      try {
        queue.taskDone();
      } catch (error) {
        expect((error as { code: string }).code).toBe('ERR_FORKFUL_TASK_DONE');
        isOne = false;
      }
    }
  };

  it.each(STOP_STEPS)('%s: others wait no longer than they may; it goes on, and nothing is lost', async (step, what) => {
    const site = new Worksite(1);
    const stopped = await stoppedAt(step, what, site);
    await expectInTime(site, step === 'ring.put.framed'); // nothing is in the queue before the commit
    process.kill(stopped.pid as number, 'SIGCONT');
    await stopped.join();
    expect([stopped.exitCode, site.stats[GO]]).toEqual([0, 1]);
    await finish(site.queue);
    expect([await site.queue.join({ timeout: 60_000 }), site.queue.lostTasks]).toEqual([true, 0]);
  });

  it.each(STOP_STEPS)('%s: it is killed then, and others go on', async (step, what) => {
    const site = new Worksite(1);
    const stopped = await stoppedAt(step, what, site);
    stopped.kill();
    await stopped.join();
    await finish(site.queue);
    expect(await site.queue.join({ timeout: 60_000 })).toBe(true);
    expect(site.queue.lostTasks).toBe(0); // what it had in its hands was called done by `finish`
  });
});

describe('producers and workers are killed at random', () => {
  it('and the others go on; all is joined, and as many tasks are lost as were in the hands of the dead', async () => {
    const kills = killCount(40);
    const site = new Worksite(kills + 2);
    const roles = [() => site.producer('sync'), () => site.producer('async'), () => site.worker('sync'), () => site.worker('async')];
    const processes = await Promise.all(roles.map((start) => start()));
    for (let kill = 0; kill < kills; kill++) {
      const index = Math.floor(Math.random() * roles.length);
      const victim = processes[index] as Process;
      const start = site.finished;
      await until(() => site.finished > start + Math.random() * 200, site.dump);
      victim.kill();
      if (index < 2) site.producersKilled++;
      else site.workersKilled++;
      const finished = site.finished;
      await until(() => site.finished > finished + 5, site.dump);
      await victim.join();
      processes[index] = await (roles[index] as () => Promise<Process>)();
    }
    console.log(`${kills} kills: ${await site.settle(processes.slice(0, 2), processes.slice(2))}`);
    expect(processes.map((each) => each.exitCode)).toEqual([0, 0, 0, 0]);
  }, 300_000);
});
