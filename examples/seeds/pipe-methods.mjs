// Everything that an end of a pipe can do. (000-11, an outline in Python)
import { Connection, isMainProcess, Pipe } from 'forkful';

if (isMainProcess) {
  // A pipe between processes: two connections
  const [left, right] = Pipe();
  console.log(left instanceof Connection && right instanceof Connection);

  // send an object, receive what the other end has sent; each waits by a promise, or blocks (...Sync)
  await left.send({ from: 'left' });
  console.log(await right.recv());
  right.sendSync({ from: 'right' });
  console.log(left.recvSync());

  // a number of its own for each end
  console.log(left.fileno() !== right.fileno());

  // is there anything to receive? At once, or within so many milliseconds
  console.log(await right.poll(), await right.poll(10));

  // bytes of a buffer, from an offset on, so many
  await left.sendBytes(Buffer.from('hello world'), 6, 5);
  console.log(await right.poll(), String(await right.recvBytes()));

  // into a buffer from an offset on
  const buffer = Buffer.from('.'.repeat(10));
  await left.sendBytes(Buffer.from('abc'));
  console.log(await right.recvBytesInto(buffer, 2), String(buffer));

  left.close();
  console.log(left.closed, await right.recv().catch((error) => error.name));
}
