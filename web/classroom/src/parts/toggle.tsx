import { Icon, type IconName } from './icons';

interface ToggleProps {
  readonly testId: string;
  readonly icon: IconName;
  readonly label: string;
  /** What a press does now, with its key. */
  readonly hint: string;
  readonly pressed: boolean;
  readonly shortcut?: string;
  readonly tone?: 'device' | 'plain' | 'share';
  readonly onPress: () => void;
}

/** A switch: the label stays, `aria-pressed` tells the state. */
export function Toggle(props: ToggleProps) {
  const { testId, icon, label, hint, pressed, shortcut, tone = 'plain', onPress } = props;
  return (
    <button
      type="button"
      class={`control control-${tone}`}
      data-testid={testId}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      title={shortcut === undefined ? hint : `${hint} (${shortcut})`}
      onClick={onPress}
    >
      <span class="control-icon">
        <Icon name={icon} />
      </span>
      <span class="control-label">{label}</span>
    </button>
  );
}
