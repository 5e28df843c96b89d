// `subprocess.run(["ls", "-al"])`: the command prints by itself, and its result has an exit code. (001-9)
// There is no forkful in the subprocess-* examples: what Python's subprocess does, node:child_process does.
import { spawnSync } from 'node:child_process';

const args = ['ls', '-al'];
const { status } = spawnSync(args[0], args.slice(1), { stdio: 'inherit' });
console.log({ args, status });
