import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { App } from './app';
import { useTexts } from './i18n';
import { PageFrame } from './parts/page-frame';

/** Pages beside the class, loaded when somebody opens them. */
const OTHERS: Readonly<Record<string, () => Promise<{ readonly default: ComponentType }>>> = {
  '/check': () => import('./check/check-page'),
  '/privacy': () => import('./privacy/privacy-page'),
};

/** Which page the address names: everything else is the class, or a room of it. */
export function Page() {
  const load = OTHERS[location.pathname.replace(/\/$/, '')];
  return load === undefined ? <App /> : <Loaded load={load} />;
}

function Loaded({ load }: { load: () => Promise<{ readonly default: ComponentType }> }) {
  const t = useTexts();
  const [Content, setContent] = useState<ComponentType>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then(
      (loaded) => setContent(() => loaded.default),
      () => setFailed(true),
    );
  }, []);
  if (Content !== undefined) return <Content />;
  return (
    <PageFrame>
      {failed && (
        <main class="message" role="alert">
          <h1>{t.unreachableTitle}</h1>
          <p>{t.unreachableHint}</p>
        </main>
      )}
    </PageFrame>
  );
}
