const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

/** Mocha's dots, or in CI its list of the tests; at the end its numbers go into a file, one a line. */
module.exports = class NumbersReporter extends (process.env.CI ? reporters.Spec : reporters.Dot) {
  constructor(runner, options) {
    super(runner, options);
    const { file } = options.reporterOptions;
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(file, `${passes}\n${failures}\n${pending}\n`);
    });
  }
};
