/** What social security numbers are called, also inside of a name: `customer_ssn`. Part of an expression (flags `i`, `u`). */
export const SSN_NAME = '(?:ssn|social[ _-]?security)(?:[ _-]?(?:number|no|nr))?(?!\\p{L}{3})';
