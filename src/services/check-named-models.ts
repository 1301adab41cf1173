import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { NO_TITLES } from './default-model.ts';
import type { ModelDirectory } from './model-directory.ts';

/** What comes of a variable whose model cannot be asked. */
const MEANWHILE = {
  DEFAULT_MODEL:
    'Until it is, requests that name no model are refused, or get a free one where their account reaches no paid ones.',
  TITLE_MODEL: 'Until it is, sessions are named by their first words.',
};

/**
 * Warns, at the start, of each model that the configuration names and that cannot be asked. It does not stop the start: the
 * catalogue may get it from its provider later.
 */
export function checkNamedModels(
  config: Pick<Config, 'DEFAULT_MODEL' | 'TITLE_MODEL'>,
  models: Pick<ModelDirectory, 'resolve'>,
  log: Logger,
): void {
  for (const variable of ['DEFAULT_MODEL', 'TITLE_MODEL'] as const) {
    const model = config[variable];
    if (model === undefined || model === NO_TITLES) continue;
    try {
      models.resolve(model, variable);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ variable, model }, `${error.message} ${MEANWHILE[variable]}`);
    }
  }
}
