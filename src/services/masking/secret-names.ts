/** Between two words of one name. */
const GAP = '[ _-]';
const NOT_BEHIND_LETTER = '(?<!\\p{L})';

/** Parts of expressions (flags `i`, `u`) that find what passwords are called. Any value of one may be a word with a capital. */
export const PASSWORD_NAMES = [
  'pass(?:word|wd|phrase|code)',
  'pwd',
  '(?<![a-z])(?:pass|pw|cv[cv])(?![a-z])',
  '(?:pass|kenn)w[oö]rt', // German
  `mots?${GAP}de${GAP}passe`, // French
  `${NOT_BEHIND_LETTER}mdp(?!\\p{L})`,
  'contrase(?:ñ|n\u0303?)a', // Spanish
  `clave${GAP}de${GAP}acceso`,
  `${NOT_BEHIND_LETTER}senha`, // Portuguese; `desenha` draws
  `palavra${GAP}passe`,
  "parola d['’]ordine", // Italian
  'парол', // Russian, in all cases
  'wachtwoord', // Dutch
  'has[łl]o', // Polish
  'lösenord', // Swedish
  'passord', // Norwegian
  'adgangskode', // Danish
];

/** What keys are called where there are several words for it: French, Spanish, Portuguese, Italian, German, Russian. */
const KEY = '(?:cl(?:é|e\u0301|ef)|clave|chave|chiave|schlüssel|ключ)';
/** What makes one a secret: of an API, secret, private, for access. */
const OF = `(?:(?:de l['’]|d['’]|de |dell['’])?api|secr[eè]te|secreta|segreta|privée|privada|privata|d['’]acc[eè]s|de acesso|d['’]accesso|доступа)`;

/** The same for keys, tokens and secrets. */
export const KEY_NAMES = [
  `secret(?:${GAP}?key)?`,
  `api${GAP}?key`,
  '(?:api|access|private|auth|encryption|signing)\\.keys?(?!\\p{L})', // in properties, and of data in data
  `(?:access|account|private|auth|encryption|signing|shared)${GAP}?key`,
  'token',
  'credential',
  'authorization',
  `${KEY}${GAP}${OF}`,
  `(?:api|zugangs|zugriffs|geheim|geheimer|privater)${GAP}?schlüssel`, // German
  'geheimnis|zugangsdaten',
  `${NOT_BEHIND_LETTER}jetons?(?!\\p{L})`, // French
  'segreto|segredo', // Italian, Portuguese
  'cr[eé]denci|credenzial|identifiants', // Portuguese and Spanish, Italian, French
  `api${GAP}ключ|секретный ключ|секрет|токен`, // Russian
];

/** Words that only begin like one of these: what stands below a secretary is no secret. `hasLocation` is not Polish. */
export const OTHER_WORDS = [
  'secret(?:ar[iy]|ár|ion|iv|ly)',
  'секретар',
  'token(?:iz[aei]|is(?:e[rd]|ation|ing)|ism)',
  'haslo\\p{L}',
];
