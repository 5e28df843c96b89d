import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runChild } from '../helpers/watchdog.js';

const folder = mkdtempSync(join(tmpdir(), 'fks-'));
const broken = join(folder, 'broken.node');
writeFileSync(broken, 'this is no addon');
afterAll(() => rmSync(folder, { recursive: true }));

const which = async (env: Record<string, string | undefined>): Promise<Record<string, unknown>> =>
  JSON.parse((await runChild('which-backend.mjs', { env: { FORKFUL_BACKEND: undefined, ...env } })).stdout);

describe('the backend', () => {
  it('is native where the addon loads', async () => {
    expect(await which({})).toMatchObject({
      backend: 'native',
      works: true,
      backendReason: expect.stringContaining('forkful.node is loaded'),
    });
  });

  it('is JavaScript where the addon is missing, and says what was tried', async () => {
    const facts = await which({ FORKFUL_ADDON: join(folder, 'missing.node') });
    expect(facts).toMatchObject({ backend: 'js', works: true, backendReason: expect.stringContaining('missing.node') });
  });

  it('is JavaScript where the addon refuses to load, and says why', async () => {
    const facts = await which({ FORKFUL_ADDON: broken });
    expect(facts).toMatchObject({ backend: 'js', works: true, backendReason: expect.stringContaining('broken.node') });
  });

  it('is JavaScript when asked for', async () => {
    expect(await which({ FORKFUL_BACKEND: 'js' })).toMatchObject({ backend: 'js', backendReason: 'FORKFUL_BACKEND=js asks for it' });
  });

  it('is an error when native is demanded and cannot be had, or when it is neither', async () => {
    const demanded = await runChild('which-backend.mjs', { env: { FORKFUL_BACKEND: 'native', FORKFUL_ADDON: broken } });
    expect(demanded.exitCode).toBe(1);
    expect(demanded.stderr).toContain('FORKFUL_BACKEND=native, but the addon cannot be used');
    const unknown = await runChild('which-backend.mjs', { env: { FORKFUL_BACKEND: 'rust' } });
    expect(unknown.stderr).toContain('FORKFUL_BACKEND must be native or js, got "rust"');
  });
});
