import type { LineQuality, Quality, QualityLevel } from '@firstbell/sdk';

import { useTexts, type Dictionary } from '../i18n';
import { Icon, type IconName } from '../parts/icons';

/** Bars tell the level without colour, words tell it without bars. */
const ICONS: Readonly<Record<QualityLevel, IconName>> = {
  good: 'signalGood',
  weak: 'signalWeak',
  bad: 'signalBad',
  lost: 'disconnected',
};

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
        <Icon name={ICONS[level]} />
      </span>
      <span class="control-label">{t.qualityShort[level]}</span>
    </button>
  );
}

/** Beside a name: only what is not as it should be. */
export function QualityMark({ level, title }: { level: QualityLevel | LineQuality; title?: string }) {
  const t = useTexts();
  if (level === 'good') return null;
  return (
    <span class={`quality-mark quality-${level}`} title={title ?? t.quality[level]}>
      <Icon name={ICONS[level]} size={16} />
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
        <Icon name={ICONS[level]} size={24} />
      </span>
      <span>
        <strong>{t.quality[level]}</strong>
        <span>{reason === null ? t.qualityFine : t.qualityReason[reason]}</span>
      </span>
    </p>
  );
}
