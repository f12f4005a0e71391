import { useTexts } from '../i18n';
import { browserFamily } from '../media/browser';

/** Step by step for this very browser: how to allow what was denied once. */
export function PermissionHelp() {
  const t = useTexts().permission;
  const steps = t.steps[browserFamily(navigator.userAgent, navigator.maxTouchPoints)];
  return (
    <details class="help" data-testid="permission-help">
      <summary>{t.how}</summary>
      <ol>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </details>
  );
}
