/** Processes that fork themselves by the addon. The programs in test/fixtures/native/ say what each does. */
import { describe, expect, it } from 'vitest';
import { runChild } from '../helpers/watchdog.js';

describe('a process that forks itself', () => {
  for (const kind of ['garbage', 'jit', 'wasm', 'worker', 'fetch']) {
    it(`has a child that does its work and ends by itself: ${kind}`, async () => {
      const { stdout, stderr, exitCode } = await runChild('native/fork-once.mjs', { args: [kind, 'natural'] });
      expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'child done\n{"code":7,"signal":null}\n', stderr: '', exitCode: 0 });
    });
  }

  for (const end of ['exit', 'now']) {
    it(`has a child that ends with its code by ${end}`, async () => {
      const { stdout } = await runChild('native/fork-once.mjs', { args: ['garbage', end] });
      expect(stdout).toContain('{"code":7,"signal":null}');
    });
  }

  for (const end of ['error', 'rejection']) {
    it(`has a child that ends with code 1 after its ${end}, which Node has printed with its line`, async () => {
      const { stdout, stderr } = await runChild('native/fork-once.mjs', { args: ['garbage', end] });
      expect(stdout).toContain('{"code":1,"signal":null}');
      expect(stderr).toContain("new Error('meant to be')");
    });
  }

  it('is stopped neither by sockets, timers nor servers of its own, whose events the child does not take', async () => {
    const { stdout, stderr, exitCode } = await runChild('native/fork-quelled.mjs');
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'parent: 20 connections\nchild ended: 0\n', stderr: '', exitCode: 0 });
  });

  it('ends in every way as before once it can be forked', async () => {
    for (const [end, code] of [
      ['natural', 7],
      ['exit', 7],
      ['exit-busy', 7],
      ['error', 1],
      ['worker', 7],
    ]) {
      const { exitCode, signal } = await runChild('native/fork-enabled-end.mjs', { args: [String(end)] });
      expect({ end, exitCode, signal }).toEqual({ end, exitCode: code, signal: null });
    }
  });

  it('has a child in which the doorbell can be opened anew and rings', async () => {
    const { stdout, stderr, exitCode } = await runChild('native/fork-doorbell.mjs');
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'child: rung\nchild ended: 0\nparent: rung\n', stderr: '', exitCode: 0 });
  });
});
