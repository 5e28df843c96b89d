// node subprocess-no-capture.mjs [command [arguments...]]
//
// Without capture the command prints by itself, and the result has no stdout. (001-11)
// The text runs `ping www.baidu.com`, which never ends on Linux; so there is a timeout here, and another command unless one is given.
import { spawnSync } from 'node:child_process';

const [command = 'echo', ...args] = process.argv.length > 2 ? process.argv.slice(2) : ['echo', 'pong'];
const result = spawnSync(command, args, { stdio: 'inherit', timeout: 60_000 });
console.log(result.stdout);
