const UNITS: [seconds: number, one: string, many: string][] = [
  [86_400, 'a day', 'days'],
  [3_600, 'an hour', 'hours'],
  [60, 'a minute', 'minutes'],
  [1, 'a second', 'seconds'],
];

/** A duration as people say it: `15 minutes`, `an hour`. */
export function inWords(seconds: number): string {
  const [size, one, many] = UNITS.find(([size]) => seconds % size === 0) as (typeof UNITS)[number];
  return seconds === size ? one : `${seconds / size} ${many}`;
}

/** A wait as people say it: rounded up, the coarser the longer it is. */
export function waitInWords(seconds: number): string {
  const unit = seconds < 120 ? 1 : seconds <= 7_200 ? 60 : 3_600;
  return inWords(Math.ceil(seconds / unit) * unit);
}
