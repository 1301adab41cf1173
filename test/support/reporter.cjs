const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

/** Mocha's dots, or in CI its list of the tests; at the end its numbers, and what failed, go into a file as JSON. */
module.exports = class ResultReporter extends (process.env.CI ? reporters.Spec : reporters.Dot) {
  constructor(runner, options) {
    super(runner, options);
    const { file } = options.reporterOptions;
    runner.once('end', () => {
      const { passes: passed, failures: failed, pending } = this.stats;
      const failures = this.failures.map((test) => `${test.fullTitle()}: ${test.err?.message}`);
      writeFileSync(file, JSON.stringify({ passed, failed, pending, failures }));
    });
  }
};
