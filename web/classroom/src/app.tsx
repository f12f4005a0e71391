import { encryptionSupport, parseKey, Session, TicketStore } from '@firstbell/sdk';
import { useEffect, useMemo, useState } from 'preact/hooks';

import { fetchConfig } from './api';
import { readAddress, roomPath, type Address } from './address';
import { ClassScreen } from './class/class-screen';
import { thisDevice } from './hooks';
import { useTexts } from './i18n';
import { cameraHeightFor, recallDataUse } from './media/data-use';
import { applyEntry } from './media/entry';
import { LocalMedia } from './media/local-media';
import { videoSlotsFor } from './class/capacity';
import { Icon } from './parts/icons';
import { PageFrame } from './parts/page-frame';
import { recallDevPlace, rememberDevPlace, type Place } from './place';
import { Prejoin } from './prejoin/prejoin';

type Screen =
  | { readonly name: 'loading' }
  /** The node did not say how it is run. */
  | { readonly name: 'offline' }
  | { readonly name: 'prejoin'; readonly dev: boolean }
  | { readonly name: 'class'; readonly place: Place; readonly session: Session }
  | { readonly name: 'left'; readonly place: Place };

const tickets = new TicketStore();

/** Which screen is shown, and the way between them. */
export function App() {
  const t = useTexts();
  const [address, setAddress] = useState<Address>(() => readAddress(location));
  const media = useMemo(() => {
    applyEntry(address.entry);
    return new LocalMedia(cameraHeightFor(recallDataUse(), thisDevice()));
  }, []);
  const [screen, setScreen] = useState<Screen>(() => firstScreen(address));

  // A new link in the same tab is a new place.
  useEffect(() => {
    const reload = (): void => location.reload();
    window.addEventListener('hashchange', reload);
    return () => window.removeEventListener('hashchange', reload);
  }, []);

  const ask = (): void => {
    setScreen({ name: 'loading' });
    fetchConfig().then(
      ({ dev }) => setScreen({ name: 'prejoin', dev }),
      () => setScreen(address.token === undefined ? { name: 'offline' } : { name: 'prejoin', dev: false }),
    );
  };
  useEffect(() => {
    if (screen.name === 'loading') ask();
  }, []);

  const join = (place: Place): void => {
    const { dev, room, key } = place;
    if (dev !== undefined) rememberDevPlace(dev);
    if (dev !== undefined || key !== address.key) {
      // For a reload: development tokens are remembered, all else stands in the address.
      history.replaceState(null, '', roomPath(room, { token: address.token, key }));
      setAddress(readAddress(location));
    }
    setScreen(enter(place));
  };

  switch (screen.name) {
    case 'loading':
      return <PageFrame>{null}</PageFrame>;
    case 'offline':
      return (
        <PageFrame>
          <main class="message" data-testid="refusal" data-code="unreachable">
            <Icon name="disconnected" size={44} />
            <h1>{t.unreachableTitle}</h1>
            <p>{t.unreachableHint}</p>
            <div class="message-actions">
              <button class="button button-primary" data-testid="try-again-button" onClick={ask}>
                {t.tryAgain}
              </button>
            </div>
          </main>
        </PageFrame>
      );
    case 'prejoin':
      return (
        <Prejoin
          media={media}
          address={address}
          dev={screen.dev}
          last={recallDevPlace()}
          onJoin={join}
        />
      );
    case 'class':
      return (
        <ClassScreen
          key={screen.place.token}
          session={screen.session}
          place={screen.place}
          media={media}
          onLeft={() => setScreen({ name: 'left', place: screen.place })}
          onMove={(place) => setScreen(enter(place))}
          onStart={ask}
        />
      );
    case 'left':
      return (
        <PageFrame testId="left">
          <main class="message">
            <Icon name="door" size={44} />
            <h1>{t.leftTitle}</h1>
            <p>{t.leftHint}</p>
            <div class="message-actions">
              <button
                class="button button-primary"
                data-testid="rejoin-button"
                onClick={() => setScreen(enter(screen.place))}
              >
                {t.rejoin}
              </button>
              <button class="button" onClick={ask}>
                {t.backToStart}
              </button>
            </div>
          </main>
        </PageFrame>
      );
  }
}

/** A reloaded page that was in class goes straight back; every other one asks first. */
function firstScreen(address: Address): Screen {
  const { room, token, key } = address;
  // What cannot be encrypted as the link says must not go out in the clear.
  if (key !== undefined && !canEncrypt(key)) return { name: 'loading' };
  const stored = room === undefined ? undefined : tickets.load(room);
  if (room === undefined || stored === undefined) return { name: 'loading' };
  if (token !== undefined && token !== stored.token) return { name: 'loading' };
  const dev = recallDevPlace();
  return enter({
    room,
    token: stored.token,
    ...(key === undefined ? {} : { key }),
    ...(token === undefined && dev !== undefined ? { dev } : {}),
  });
}

function canEncrypt(key: string): boolean {
  return parseKey(key) !== undefined && encryptionSupport() !== 'none';
}

function enter(place: Place): Screen {
  const session = new Session({
    videoSlots: videoSlotsFor(thisDevice().shorterSide),
    client: { name: 'firstbell-web', version: '0.1.0' },
    tickets,
    ...(place.key === undefined ? {} : { e2ee: { key: place.key } }),
  });
  return { name: 'class', place, session };
}
