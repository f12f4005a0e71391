import { useEffect, useState } from 'preact/hooks';

import { Card } from './card';
import type { Finding } from './findings';
import { useCheckTexts } from './texts';
import { canChooseOutput, playTone } from './tone';

interface SpeakerCardProps {
  readonly running: boolean;
  readonly outputs: readonly MediaDeviceInfo[];
  readonly onFound: (found: readonly Finding[]) => void;
}

type State = 'quiet' | 'playing' | 'played' | 'heard' | 'not_heard';

export function SpeakerCard({ running, outputs, onFound }: SpeakerCardProps) {
  const t = useCheckTexts();
  const [state, setState] = useState<State>('quiet');
  const [output, setOutput] = useState('');
  useEffect(() => setState('quiet'), [running]);
  const findings: readonly Finding[] =
    state === 'heard'
      ? [{ level: 'good', code: 'speakerGood' }]
      : state === 'not_heard'
        ? [{ level: 'bad', code: 'speakerSilent' }]
        : [];
  useEffect(() => onFound(findings), [state]);
  const play = (): void => {
    setState('playing');
    // Who answers while it plays has answered.
    const ends = (as: State) => (): void => setState((now) => (now === 'playing' ? as : now));
    playTone(output).then(ends('played'), ends('not_heard'));
  };
  return (
    <Card name="speaker" icon="sound" findings={findings} running={state === 'playing'}>
      {running && canChooseOutput() && outputs.length > 1 && (
        <label class="field">
          <span>{t.output}</span>
          <select value={output} onChange={(event) => setOutput(event.currentTarget.value)}>
            <option value="">{t.standardOutput}</option>
            {outputs
              .filter(({ deviceId }) => deviceId !== 'default' && deviceId !== '')
              .map(({ deviceId, label }) => (
                <option key={deviceId} value={deviceId}>
                  {label}
                </option>
              ))}
          </select>
        </label>
      )}
      {running && (
        <button class="button" data-testid="play-tone" disabled={state === 'playing'} onClick={play}>
          {state === 'playing' ? t.playing : t.play}
        </button>
      )}
      {running && state !== 'quiet' && (
        <div class="check-question" role="group" aria-label={t.heard}>
          <span>{t.heard}</span>
          <button class="button button-small" data-testid="tone-heard" onClick={() => setState('heard')}>
            {t.yes}
          </button>
          <button class="button button-small" data-testid="tone-not-heard" onClick={() => setState('not_heard')}>
            {t.no}
          </button>
        </div>
      )}
    </Card>
  );
}
