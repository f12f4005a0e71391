import type { Quality, QualityLevel } from '@firstbell/sdk';

import { useTexts, type Dictionary } from '../i18n';
import { Icon, SignalIcon } from '../parts/icons';

/** Bars tell the level without colour, words tell it without bars. `lost` has a sign of its own. */
const BARS: Readonly<Record<Exclude<QualityLevel, 'lost'>, number>> = { good: 4, weak: 2, bad: 1 };

function LevelIcon({ level, size }: { level: QualityLevel; size?: number }) {
  const sized = size === undefined ? {} : { size };
  if (level === 'lost') return <Icon name="disconnected" {...sized} />;
  return <SignalIcon filled={BARS[level]} {...sized} />;
}

/** What the connection is like and why, in a sentence or two. */
export function qualityText(t: Dictionary, { level, reason }: Quality): string {
  const why = reason === null ? t.qualityFine : (t.qualityReason[reason] ?? '');
  return `${t.quality[level]}. ${why}`.trim();
}

/** The own connection in the bar; a press shows more. */
export function QualityButton({ quality, onPress }: { quality: Quality; onPress: () => void }) {
  const t = useTexts();
  const { level, reason } = quality;
  return (
    <button
      type="button"
      class="control control-plain control-quality"
      data-testid="quality-button"
      data-level={level}
      data-reason={reason}
      aria-haspopup="dialog"
      aria-label={`${qualityText(t, quality)} ${t.openConnection}`}
      title={qualityText(t, quality)}
      onClick={onPress}
    >
      <span class="control-icon">
        <LevelIcon level={level} />
      </span>
      <span class="control-label">{t.qualityShort[level]}</span>
    </button>
  );
}

/** Beside a name: only what is not as it should be, and nothing where an older server says nothing. */
export function QualityMark(props: { level: QualityLevel | undefined; title?: string }) {
  const t = useTexts();
  const { level, title } = props;
  if (level === undefined || level === 'good') return null;
  return (
    <span class={`quality-mark quality-${level}`} title={title ?? t.quality[level]}>
      <LevelIcon level={level} size={16} />
      <span class="visually-hidden">{title ?? t.quality[level]}</span>
    </span>
  );
}

/** The own connection in words, in the settings. */
export function QualitySummary({ quality }: { quality: Quality }) {
  const t = useTexts();
  const { level, reason } = quality;
  return (
    <p class="quality-summary" data-testid="quality-summary" data-level={level}>
      <span class={`quality-mark quality-${level}`}>
        <LevelIcon level={level} size={28} />
      </span>
      <span>
        <strong>{t.quality[level]}</strong>
        <span>{reason === null ? t.qualityFine : t.qualityReason[reason]}</span>
      </span>
    </p>
  );
}
