import { type Detector, findAll, secretAt } from './detector.ts';

/** Three parts (JWS) or five (JWE), the first a JSON object in base64url: it begins with `{"`. */
const PATTERN = /(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){2,4}/g;

/** JSON Web Tokens. */
export const findJwts: Detector = (text) => findAll(text, PATTERN, secretAt);
