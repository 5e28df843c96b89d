#!/usr/bin/env node
// Makes a fresh checkout ready to run, and does nothing when it is. Needs Node, a C++ compiler, make and python3.
// With FORKFUL_REQUIRE_NATIVE=1 a native addon that does not compile is an error instead of a warning.
import { setUpAndReport } from './lib/setup.mjs';

await setUpAndReport({ force: false });
