import type { ComponentChildren } from 'preact';

import { Icon, type IconName } from '../parts/icons';
import { worst, type Finding } from './findings';
import { useCheckTexts } from './texts';

interface CardProps {
  readonly name: 'browser' | 'camera' | 'microphone' | 'speaker' | 'line';
  readonly icon: IconName;
  readonly findings: readonly Finding[];
  readonly running: boolean;
  readonly children?: ComponentChildren;
}

/** One part of the check: what it is, how it stands, what was found and what to do. */
export function Card({ name, icon, findings, running, children }: CardProps) {
  const t = useCheckTexts();
  const level = worst(findings.map((finding) => finding.level)) ?? (running ? 'running' : 'waiting');
  return (
    <section class="check-card" data-testid={`check-${name}`} data-level={level} aria-labelledby={`check-${name}`}>
      <header>
        <Icon name={icon} />
        <h2 id={`check-${name}`}>{t[name]}</h2>
        <span class="check-level" role="status">
          {t.level[level]}
        </span>
      </header>
      {findings.map(({ code }) => (
        <div key={code} class="check-finding" data-testid="finding" data-code={code}>
          <p class="check-what">{t.findings[code][0]}</p>
          {t.findings[code][1] !== '' && <p>{t.findings[code][1]}</p>}
        </div>
      ))}
      {children}
    </section>
  );
}
