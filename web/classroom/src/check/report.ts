import type { Finding } from './findings';
import type { Line } from './line';

/** The results as text for whoever helps: codes and figures, no names, no addresses, no device names. */
export function reportOf(
  found: Readonly<Partial<Record<string, readonly Finding[]>>>,
  line: Line | undefined,
  userAgent: string,
): string {
  const parts = Object.entries(found).map(([part, findings = []]) => {
    const codes = findings.map(({ level, code }) => `${code} (${level})`).join(', ');
    return `${part}: ${codes === '' ? '-' : codes}`;
  });
  const figures =
    line === undefined
      ? []
      : Object.entries(line).map(([name, value]) => `${name}: ${rounded(value)}`);
  return ['Firstbell check', userAgent, ...parts, ...figures, ''].join('\n');
}

function rounded(value: unknown): string {
  return typeof value === 'number' ? String(Math.round(value * 1_000) / 1_000) : String(value ?? '-');
}
