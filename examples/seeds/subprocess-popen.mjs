// What can be asked of a running command; and why input does not belong into a command line. (002-4)
import { execFileSync, execSync, spawn } from 'node:child_process';
import { once } from 'node:events';

// `pid`, and `poll()`: `exitCode` is null while it runs and 0 when it has ended well. If a signal has ended it, it stays null, and
// `signalCode` says which; `poll()` would say -15.
const child = spawn('cat', { stdio: ['pipe', 'inherit', 'inherit'] });
console.log('pid is a number:', Number.isInteger(child.pid), 'exit code:', child.exitCode);
child.stdin.end();
await once(child, 'exit');
console.log('exit code:', child.exitCode);

const killed = spawn('cat', { stdio: ['pipe', 'inherit', 'inherit'] });
killed.kill('SIGTERM');
await once(killed, 'exit');
console.log('exit code:', killed.exitCode, 'signal:', killed.signalCode);

// With a shell, what somebody typed in is a program. As an argument it is a text, whatever is in it.
const typedIn = 'Ada; echo I run on your machine';
console.log(execSync(`echo hello ${typedIn}`, { encoding: 'utf8' }).trimEnd());
console.log(execFileSync('echo', ['hello', typedIn], { encoding: 'utf8' }).trimEnd());
