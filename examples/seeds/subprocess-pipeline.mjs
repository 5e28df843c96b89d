// node subprocess-pipeline.mjs [word]
//
// `ps aux | grep bash`, without a shell: the second process reads what the first one writes, directly. (001-13)
// This program lets go of its copy of the pipe at once: what it read there would be missing in grep, and as long as it has it `ps` cannot
// notice that grep is gone.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

const [word = 'bash'] = process.argv.slice(2);
const ps = spawn('ps', ['aux'], { stdio: ['ignore', 'pipe', 'inherit'] });
const grep = spawn('grep', [word], { stdio: [ps.stdout, 'pipe', 'inherit'] });
ps.stdout.destroy();
process.stdout.write(await text(grep.stdout));
