#!/usr/bin/env node
// Builds the addon and dist/ from nothing, whether they are up to date or not.
import { setUpAndReport } from './lib/setup.mjs';

await setUpAndReport({ force: true });
