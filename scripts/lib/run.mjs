/** Running one command. */
import { spawn, spawnSync } from 'node:child_process';
import { root } from './paths.mjs';

/** Runs a command quietly. Returns whether it succeeded and everything it wrote, both streams in one text. */
export function runQuietly(command, args, options = {}) {
  // The shell joins the two streams in the order they were written, which two pipes would not.
  const result = spawnSync('/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', command, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    ...options,
  });
  const output = `${result.stdout ?? ''}${result.error ? `${result.error.message}\n` : ''}`;
  return { ok: result.status === 0, status: result.status, output };
}

/**
 * Runs a command in a process group of its own, its output shown as it comes; with `atEnd` all of it when it has ended, for those that run side by side.
 * After `timeoutMs` the whole group is killed. Resolves to how it ended and, with `capture`, what it wrote to stdout.
 */
export function runShown(command, args, { timeoutMs, capture = false, atEnd = false, env = process.env } = {}) {
  return new Promise((resolve) => {
    const [out, err] = [capture || atEnd ? 'pipe' : 'inherit', atEnd ? 'pipe' : 'inherit'];
    const child = spawn(command, args, { cwd: root, env, detached: true, stdio: ['ignore', out, err] });
    const stopChild = () => killGroup(child.pid);
    // The child's group does not get the terminal's Ctrl-C: hand it on, then end as the signal asks.
    const onSignal = (signal) => {
      stopChild();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      stopChild();
    }, timeoutMs);
    let stdout = '';
    let shownAtEnd = '';
    const show = (text) => {
      if (atEnd) shownAtEnd += text;
      else process.stdout.write(text);
    };
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      show(text);
    });
    child.stderr?.setEncoding('utf8').on('data', show);
    const finish = (status, signal, error) => {
      process.stdout.write(shownAtEnd);
      clearTimeout(timer);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      resolve({ ok: status === 0 && !timedOut, status, signal, timedOut, error, stdout });
    };
    child.once('error', (error) => finish(null, null, error));
    child.once('close', (status, signal) => finish(status, signal, null));
  });
}

function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** The last lines of a text. */
export function tail(text, lines = 30) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
