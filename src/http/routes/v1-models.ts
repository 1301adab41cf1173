import { getCallableModel, listCallableModels } from '../../contracts/routes/v1-models.ts';
import { presentAnthropicModel, presentOpenAiModel } from '../../presenters/foreign-model.ts';
import type { CallableModels } from '../../services/callable-models.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';
import { asksAnthropic } from '../shape-of.ts';

/** `/v1/models`: one path, of which both OpenAI's clients and Anthropic's expect their own shape. */
export function callableModelRoutes({ callableModels }: { callableModels: CallableModels }): RouteModule {
  return (table) => {
    mountRoute(table, listCallableModels, async (_input, { identity, ctx }) => {
      const models = await callableModels.list(identity.userId);
      if (!asksAnthropic(ctx)) return { object: 'list' as const, data: models.map(presentOpenAiModel) };
      const [first, last] = [models.at(0)?.id ?? null, models.at(-1)?.id ?? null];
      return {
        data: models.map(presentAnthropicModel),
        has_more: false as const,
        first_id: first,
        last_id: last,
      };
    });

    mountRoute(table, getCallableModel, async ({ params }, { identity, ctx }) => {
      const model = await callableModels.get(identity.userId, params.modelId, 'params.modelId');
      return asksAnthropic(ctx) ? presentAnthropicModel(model) : presentOpenAiModel(model);
    });
  };
}
