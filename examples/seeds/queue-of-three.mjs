// A queue with room for three. (000-10)
import { Queue } from 'forkful';

const q = new Queue(3);
await q.put('First');
await q.put('Second');
await q.put('Third');
console.log(q.full());
console.log(await q.get());
console.log(await q.get());
console.log(await q.get());
console.log(q.empty());
