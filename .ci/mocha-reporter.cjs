const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

/** Mocha's own list of the tests; at the end, its numbers go into a file for `.ci/run`, one a line. */
module.exports = class CiReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { file } = options.reporterOptions;
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(file, `${passes}\n${failures}\n${pending}\n`);
    });
  }
};
