// What put and get do when there is no room, or nothing to get: wait for ever, for a while, or not at all. (004-6)
import { Queue } from 'forkful';

const q = new Queue(1);
const code = (error) => error.code;
const codeOf = (call) => {
  try {
    return call();
  } catch (error) {
    return error.code;
  }
};
const soon = { timeout: 20 };

console.log(`empty, for a while: ${await q.get(soon).catch(code)}`);
console.log(`empty, blocking for a while: ${codeOf(() => q.getSync(soon))}`);
console.log(`empty, not at all: ${codeOf(() => q.getNowait())}`);
const later = q.get(); // for ever, if need be
await q.put('something');
console.log('empty, until there is something:', await later);

await q.put('full');
console.log(`full, for a while: ${await q.put('more', soon).catch(code)}`);
console.log(`full, blocking for a while: ${codeOf(() => q.putSync('more', soon))}`);
console.log(`full, not at all: ${codeOf(() => q.putNowait('more'))}`);
const put = q.put('more');
console.log('full, until there is room:', await q.get(), (await put) ?? 'put', await q.get());
console.log('given up by a signal:', (await q.get({ signal: AbortSignal.timeout(20) }).catch((error) => error)).name);
