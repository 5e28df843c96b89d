// One process sends ten names, another one receives them. (004-5)
// Python's program never ends: the receiver waits for more, since the parent still has the sending end. Here the parent closes what it does not use.
import { setTimeout as sleep } from 'node:timers/promises';
import { EOFError, isMainProcess, Pipe, Process } from 'forkful';

export async function procSend(pipe, urls) {
  for (const url of urls) {
    console.log(`Process(${process.pid}) send: ${url}`);
    await pipe.send(url);
    await sleep(Math.random() * 20);
  }
}

export async function procRecv(pipe) {
  try {
    for (;;) {
      console.log(`Process(${process.pid}) rev: ${await pipe.recv()}`);
      await sleep(Math.random() * 20);
    }
  } catch (error) {
    if (!(error instanceof EOFError)) throw error;
  }
}

if (isMainProcess) {
  const pipe = Pipe();
  const p1 = new Process({ target: procSend, args: [pipe[0], Array.from({ length: 10 }, (_, i) => `url_${i}`)] });
  const p2 = new Process({ target: procRecv, args: [pipe[1]] });
  await p1.start();
  await p2.start();
  for (const end of pipe) end.close();
  await p1.join();
  await p2.join();
}
