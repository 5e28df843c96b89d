// One recursive lock under two names, taken in both orders by ten processes: with two locks they would wait for each other for ever. (000-7)
// The lock is a variable of this module, so the processes are copies of this one: start method 'fork'.
import { setTimeout as sleep } from 'node:timers/promises';
import { getContext, RLock } from 'forkful';

const SECOND = 50; // milliseconds
const { Process } = getContext('fork');

const mutexA = new RLock();
const mutexB = mutexA;

class MyThread extends Process {
  async run() {
    this.func1();
    await this.func2();
  }

  func1() {
    mutexA.acquireSync();
    console.log(`${this.name} get mutexA...`);
    mutexB.acquireSync();
    console.log(`${this.name} get mutexB...`);
    mutexB.release();
    mutexA.release();
  }

  async func2() {
    await mutexB.acquire();
    console.log(`${this.name} get mutexB...`);
    await sleep(SECOND);
    await mutexA.acquire();
    console.log(`${this.name} get mutexA...`);
    mutexA.release();
    mutexB.release();
  }
}

for (let i = 0; i < 10; i++) await new MyThread().start();
