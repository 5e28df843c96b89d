// `os.fork()`: called once, it returns twice. In the child 0, in the parent the child's pid. (004-1)
// The text looks for a negative answer, too; a failure is an exception in Python, and a rejection here. The parent stays until its child
// has spoken: an orphan gets another parent. It waits for a queue that both of them have, as they have all that was made before the fork.
import { fork, Queue } from 'forkful';

console.log(`current process (${process.pid}) start ...`);
const spoken = new Queue();
const pid = await fork();
if (pid === 0) {
  console.log(`I am child process(${process.pid}) and my parent process is (${process.ppid})`);
  spoken.putSync(true);
} else {
  console.log(`I(${process.pid}) created a child process (${pid}).`);
  await spoken.get();
}
