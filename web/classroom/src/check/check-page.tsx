import { listDevices } from '@firstbell/sdk';
import { useEffect, useMemo, useState } from 'preact/hooks';

import { readAddress } from '../address';
import { LocalMedia } from '../media/local-media';
import { Icon } from '../parts/icons';
import { PageFrame } from '../parts/page-frame';
import { Card } from './card';
import { browserFinding, worst, type Finding, type Level } from './findings';
import type { Line } from './line';
import { LineCard } from './line-card';
import { CameraCard, MicrophoneCard } from './own-devices';
import { SpeakerCard } from './speaker-card';
import { reportOf } from './report';
import { useCheckTexts } from './texts';
import './check.css';

type Part = 'browser' | 'camera' | 'microphone' | 'speaker' | 'line';
const PARTS: readonly Part[] = ['browser', 'camera', 'microphone', 'speaker', 'line'];

/** Before the first lesson: whether everything works, and what to do where it does not. */
export default function CheckPage() {
  const t = useCheckTexts();
  const media = useMemo(() => new LocalMedia(), []);
  const { token } = useMemo(() => readAddress(location), []);
  const [run, setRun] = useState(0);
  const [found, setFound] = useState<Partial<Record<Part, readonly Finding[]>>>({});
  const [line, setLine] = useState<Line>();
  const [outputs, setOutputs] = useState<readonly MediaDeviceInfo[]>([]);
  useEffect(() => () => media.release(), [media]);
  useEffect(() => {
    document.title = `${t.title} · Firstbell`;
  }, [t]);
  // Names of outputs are known once a microphone is open.
  useEffect(() => media.on('change', () => void listOutputs().then(setOutputs)), [media]);

  const browser = browserFinding({
    secure: globalThis.isSecureContext,
    peers: typeof RTCPeerConnection === 'function',
    devices: navigator.mediaDevices?.getUserMedia !== undefined,
  });
  const running = run > 0;
  const start = (): void => {
    setRun(run + 1);
    setFound({ browser: [browser] });
    media.release();
    media.tryOut();
  };
  const report = (part: Part) => (findings: readonly Finding[]) =>
    setFound((before) => ({ ...before, [part]: findings }));
  const levels = PARTS.map((part) => worst((found[part] ?? []).map(({ level }) => level)));
  return (
    <PageFrame testId="check">
      <main class="check-page">
        <h1>{t.title}</h1>
        <p class="check-intro">{t.intro}</p>
        <div class="check-actions">
          <button class="button button-primary" data-testid="start-check" onClick={start}>
            {running ? t.again : t.start}
          </button>
          <button class="button" onClick={goBack}>
            {t.toClass}
          </button>
        </div>
        <Summary running={running} levels={levels} />
        <div class="check-cards">
          <Card name="browser" icon="language" findings={running ? [browser] : []} running={running} />
          <SpeakerCard running={running} outputs={outputs} onFound={report('speaker')} />
          <CameraCard media={media} running={running} onFound={report('camera')} />
          <MicrophoneCard media={media} running={running} onFound={report('microphone')} />
          <LineCard
            token={token}
            run={run}
            onFound={(findings, measured) => {
              report('line')(findings);
              setLine(measured);
            }}
          />
        </div>
        {running && <CopyReport text={() => reportOf(found, line, navigator.userAgent)} />}
      </main>
    </PageFrame>
  );
}

/** Where the person came from, which may be a link with a token; a page of its own goes to the start. */
function goBack(): void {
  if (history.length > 1) history.back();
  else location.assign('/');
}

/** One sentence over all parts: only once each of them is decided, or one of them does not work. */
function Summary({ running, levels }: { running: boolean; levels: readonly (Level | undefined)[] }) {
  const t = useCheckTexts();
  if (!running) return null;
  const known = levels.filter((level): level is Level => level !== undefined);
  const level = known.length === levels.length || known.includes('bad') ? worst(known) : undefined;
  const name = level ?? 'running';
  return (
    <p class="check-summary" role="status" data-testid="check-summary" data-level={name}>
      {level === undefined ? (
        <span class="spinner spinner-small" aria-hidden="true" />
      ) : (
        <Icon name={level === 'good' ? 'check' : 'warning'} />
      )}
      <span>{t.summary[name]}</span>
    </p>
  );
}

function CopyReport({ text }: { text: () => string }) {
  const t = useCheckTexts();
  const [copied, setCopied] = useState(false);
  return (
    <p class="check-report">
      <button
        class="button"
        data-testid="copy-report"
        onClick={() => {
          navigator.clipboard?.writeText(text()).then(
            () => setCopied(true),
            () => undefined,
          );
        }}
      >
        {t.copy}
      </button>
      <span role="status">{copied && t.copied}</span>
    </p>
  );
}

async function listOutputs(): Promise<readonly MediaDeviceInfo[]> {
  return (await listDevices()).filter(({ kind }) => kind === 'audiooutput');
}
