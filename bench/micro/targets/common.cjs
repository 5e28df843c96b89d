// Targets in a CommonJS module.
exports.first = function first() {};
exports.second = function second() {};
