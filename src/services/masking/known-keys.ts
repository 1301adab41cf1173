import { type Detector, findAll, secretAt } from './detector.ts';

/** How keys of well-known services begin, and what follows; none can be taken for a word. */
const SHAPES = [
  'sk-[\\w-]{8,}', // OpenAI, Anthropic, OpenRouter
  '(?:sk|pk|rk)_(?:live|test)_\\w{8,}', // Stripe
  'whsec_[\\w+/=]{8,}',
  'pk_[\\w-]{16,}', // ours
  'gh[pousr]_\\w{8,}', // GitHub
  'github_pat_\\w{8,}',
  'glpat-[\\w-]{8,}', // GitLab
  'xox[a-z]-[\\w-]{8,}', // Slack
  'xapp-[\\w-]{8,}',
  '(?:AKIA|ASIA)[0-9A-Z]{12,}', // AWS
  'AIza[\\w-]{20,}', // Google
  'ya29\\.[\\w-]{16,}',
  'hf_[A-Za-z0-9]{16,}', // Hugging Face
  'npm_[A-Za-z0-9]{16,}',
  'pypi-[\\w-]{16,}',
  'SG\\.[\\w-]{8,}\\.[\\w-]{8,}', // SendGrid
  'dop_v1_[a-f0-9]{16,}', // DigitalOcean
  'shp(?:at|ca|pa|ss)_[a-fA-F0-9]{16,}', // Shopify
];
const PATTERN = new RegExp(`(?<![\\w-])(?:${SHAPES.join('|')})`, 'g');

/** Keys of well-known services, by how they begin. */
export const findKnownKeys: Detector = (text) => findAll(text, PATTERN, secretAt);
