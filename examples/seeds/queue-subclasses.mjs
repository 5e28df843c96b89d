// A producer and a consumer as subclasses of Process, which take the queue along. (003-8)
// The text's consumer leaves as soon as it finds the queue empty, even before the first item; this one when the producer has closed it.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainProcess, Process, Queue } from 'forkful';

const SECOND = 10; // milliseconds

export class producer extends Process {
  constructor(queue) {
    super();
    this.queue = queue;
  }

  async run() {
    for (let i = 0; i < 10; i++) {
      const item = Math.floor(Math.random() * 257);
      await this.queue.put(item);
      console.log(`Process Producer : item ${item} appended to queue ${this.name}`);
      await sleep(SECOND);
      console.log(`The size of queue is ${this.queue.qsize()}`);
    }
    this.queue.close();
  }
}

export class consumer extends Process {
  constructor(queue) {
    super();
    this.queue = queue;
  }

  async run() {
    for await (const item of this.queue) {
      console.log(`Process Consumer : item ${item} popped by ${this.name}`);
      await sleep(3 * SECOND);
    }
    if (this.queue.empty()) console.log('the queue is empty');
  }
}

if (isMainProcess) {
  const queue = new Queue();
  const processProducer = new producer(queue);
  const processConsumer = new consumer(queue);
  await processProducer.start();
  await processConsumer.start();
  await processProducer.join();
  await processConsumer.join();
}
