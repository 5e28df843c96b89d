// Every method of a queue, as the text lists them. (000-9)
import { Empty, Full, Queue } from 'forkful';

const q = new Queue(2);
await q.put('put'); // waits for room
q.putSync('putSync'); // the same, blocking the thread
console.log(`qsize ${q.qsize()}, empty ${q.empty()}, full ${q.full()}`);
try {
  q.putNowait('no room'); // put_nowait
} catch (error) {
  console.log(`putNowait: ${error instanceof Full ? 'Full' : error}`);
}
console.log(`get: ${await q.get()}`);
console.log(`getSync: ${q.getSync()}`);
try {
  q.getNowait(); // get_nowait
} catch (error) {
  console.log(`getNowait: ${error instanceof Empty ? 'Empty' : error}`);
}
console.log(`tryPut: ${q.tryPut('tried')}, tryGet: ${q.tryGet()}`); // without exceptions
q.close(); // no more puts
q.joinThread(); // join_thread: there is no feeder thread to wait for
q.cancelJoinThread();
console.log(`qsize ${q.qsize()}, empty ${q.empty()}, full ${q.full()}`);
