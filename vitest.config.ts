import { defineConfig } from 'vitest/config';

const dist = `${import.meta.dirname}/dist/`;

export default defineConfig({
  resolve: {
    alias: [
      // Tests import 'forkful', or a single file as '../../src/sync/lock.js': the types come from src, the code is always dist.
      { find: /^forkful$/, replacement: `${dist}index.js` },
      { find: /^(?:\.\.?\/)+src\/(.+?)\.[jt]s$/, replacement: `${dist}$1.js` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/helpers/leak-check.ts', 'test/helpers/genuine-exit.ts'],
    // Files of dist/ are loaded by Node itself, untransformed. Children load them so too: there is one module, not a twin per loader.
    server: { deps: { external: [/\/dist\//] } },
    // One fresh process per file: what a file leaves behind can be told, and a crash takes one file with it.
    pool: 'forks',
    isolate: true,
    execArgv: ['--enable-source-maps'],
    // One file at a time. Most files start several processes that keep two cores busy by themselves; scripts/test.mjs has two runs side by side.
    maxWorkers: 1,
    fileParallelism: false,
    // Bounds of hangs: more than anything takes on an overloaded machine.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    reporters: ['./scripts/lib/vitest-reporter.mjs'],
  },
});
