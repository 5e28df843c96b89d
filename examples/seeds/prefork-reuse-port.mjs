// node prefork-reuse-port.mjs [requests]
//
// The other way to have one port served by several processes: each has a socket of its own, and SO_REUSEPORT lets them all have the port;
// the system gives each connection to one of the sockets. Nothing has to be inherited, so any start method will do. But connections that
// wait at the socket of a process that ends are lost; in prefork-server.mjs another one takes them. Needs Node 22.12 or newer. (002-9)
import { once } from 'node:events';
import { createServer } from 'node:http';
import { isMainProcess, Process, Queue } from 'forkful';

const WORKERS = 3;

export async function work(ready, port) {
  const server = createServer((_, response) => response.end(String(process.pid)));
  server.listen({ host: '127.0.0.1', port, reusePort: true });
  await once(server, 'listening');
  await ready.put(server.address().port);
  await once(server, 'close'); // never: the parent ends it
}

if (isMainProcess) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 12)) {
    console.error(`reusePort needs Node 22.12 or newer, this is ${process.version}`);
    process.exit(1);
  }
  const requests = Number(process.argv[2] ?? 12);
  const ready = new Queue();
  const workers = [];
  let port = 0; // any free one, for the first; the others take the same
  for (let i = 0; i < WORKERS; i++) {
    const worker = new Process({ target: work, args: [ready, port], daemon: true });
    workers.push(await worker.start());
    port = await ready.get();
  }

  const url = `http://127.0.0.1:${port}/`;
  const answers = await Promise.all(
    Array.from({ length: requests }, async () => (await fetch(url, { headers: { connection: 'close' } })).text()),
  );
  for (const worker of workers) {
    console.log(`${worker.name} answered ${answers.filter((answer) => answer === String(worker.pid)).length} requests`);
  }
  console.log(`the parent answered ${answers.filter((answer) => answer === String(process.pid)).length} requests`);

  for (const worker of workers) worker.terminate();
  for (const worker of workers) await worker.join();
}
