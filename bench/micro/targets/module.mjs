// Targets in an ES module.
export function first() {}
export function second() {}
