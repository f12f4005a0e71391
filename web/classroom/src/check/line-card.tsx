import { useEffect, useState } from 'preact/hooks';

import { useLanguage } from '../i18n';
import { Card } from './card';
import { checkLine, type LineStep } from './check-line';
import { lineFindings, type Finding } from './findings';
import type { Line, LineResult } from './line';
import { useCheckTexts } from './texts';

interface LineCardProps {
  readonly token: string | undefined;
  /** Counts the checks: another number is another check. 0: none yet. */
  readonly run: number;
  readonly onFound: (found: readonly Finding[], line: Line | undefined) => void;
}

export function LineCard({ token, run, onFound }: LineCardProps) {
  const t = useCheckTexts();
  const [step, setStep] = useState<LineStep>();
  const [result, setResult] = useState<LineResult>();
  useEffect(() => {
    if (run === 0) return undefined;
    const stop = new AbortController();
    setResult(undefined);
    checkLine({ token, onStep: setStep, signal: stop.signal }).then(
      (found) => {
        setResult(found);
        setStep(undefined);
      },
      (error: unknown) => {
        if (!stop.signal.aborted) reportError(error);
      },
    );
    return () => stop.abort();
  }, [run]);
  const findings = result === undefined ? [] : lineFindings(result);
  const line = result?.reached === 'media' ? result.line : undefined;
  useEffect(() => onFound(findings, line), [result]);
  return (
    <Card name="line" icon="connection" findings={findings} running={run > 0}>
      {step !== undefined && (
        <p class="check-step" role="status" data-testid="line-step">
          <span class="spinner spinner-small" aria-hidden="true" />
          {t.steps[step]}
        </p>
      )}
      {line !== undefined && <Figures line={line} />}
    </Card>
  );
}

function Figures({ line }: { line: Line }) {
  const t = useCheckTexts();
  const { language } = useLanguage();
  const format = (value: number, digits: number): string =>
    value.toLocaleString(language, { maximumFractionDigits: digits });
  const megabits = (kbps: number): string => t.atLeast(format(kbps / 1_000, 1));
  const loss = Math.max(line.lossUp ?? 0, line.lossDown ?? 0);
  const rows: readonly (readonly [string, string | null])[] = [
    [t.up, megabits(line.upKbps)],
    [t.down, line.downKbps === null ? null : megabits(line.downKbps)],
    [t.delay, line.rttMs === null ? null : t.milliseconds(format(line.rttMs, 0))],
    [t.lost, line.lossUp === null && line.lossDown === null ? null : t.percent(format(loss * 100, 1))],
    [t.way, line.protocol?.toUpperCase() ?? null],
  ];
  return (
    <>
      <dl class="check-figures" data-testid="line-figures">
        {rows.map(([name, value]) =>
          value === null ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
      <p class="hint">{t.rough}</p>
    </>
  );
}
