// node prefork-server.mjs [requests]
//
// A web server in several processes, like those that run Python's WSGI applications: the parent has the socket and never accepts a
// connection; its children have inherited the socket and all accept from it. The system gives each connection to one of them. (002-9,
// without a program)
//
// A server of Node's that listens also accepts. So the parent makes none, only the handle that would be under it, bound to a port, as
// node:cluster does. It listens from the first child's `listen` on. A way without start method 'fork': prefork-reuse-port.mjs.
import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import { getContext, Queue } from 'forkful';

const WORKERS = 3;
const requests = Number(process.argv[2] ?? 12);

const { Process } = getContext('fork');
const socket = net._createServerHandle('127.0.0.1', 0, 4); // any free port, IPv4
const ready = new Queue();

/** Not exported, and with variables of the module around it: a forked child has them all. */
async function work() {
  const server = createServer((_, response) => response.end(String(process.pid)));
  server.listen({ fd: socket.fd });
  await once(server, 'listening');
  await ready.put(process.pid);
  await once(server, 'close'); // never: the parent ends it
}

const workers = Array.from({ length: WORKERS }, () => new Process({ target: work, daemon: true }));
for (const worker of workers) await worker.start();
for (const _ of workers) await ready.get();

const address = {};
socket.getsockname(address);
const url = `http://127.0.0.1:${address.port}/`;
const answers = await Promise.all(
  Array.from({ length: requests }, async () => (await fetch(url, { headers: { connection: 'close' } })).text()),
);
for (const worker of workers) {
  console.log(`${worker.name} answered ${answers.filter((answer) => answer === String(worker.pid)).length} requests`);
}
console.log(`the parent answered ${answers.filter((answer) => answer === String(process.pid)).length} requests`);

for (const worker of workers) worker.terminate();
for (const worker of workers) await worker.join();
socket.close();
