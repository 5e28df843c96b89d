// A producer and a consumer at the two ends of a pipe; each closes the end that it does not use, and the end of the pipe ends the consumer. (000-12)
import { EOFError, isMainProcess, Pipe, Process } from 'forkful';

export function producer(seq, [left, right]) {
  // close the end that is not used
  right.close();
  for (const i of seq) left.sendSync(i);
  left.close();
}

export function consumer([left, right], name) {
  // If the consumer forgot to close the end that it does not use, recv() would wait for ever
  left.close();
  for (;;) {
    try {
      const bun = right.recvSync();
      console.log(`${name} got ${bun} buns...`);
    } catch (error) {
      if (!(error instanceof EOFError)) throw error;
      right.close();
      break;
    }
  }
}

if (isMainProcess) {
  const [left, right] = Pipe();
  const c1 = new Process({ target: consumer, args: [[left, right], 'c1'] });
  await c1.start();
  producer(Array(10).keys(), [left, right]);
  right.close();
  left.close();
  await c1.join();
  console.log('End of main process...');
}
