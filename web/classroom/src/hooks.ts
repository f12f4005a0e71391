import type {
  Line,
  MediaHealth,
  Quality,
  Roster,
  Session,
  ServiceLevel,
  SessionState,
  Slot,
  Turn,
  Warning,
} from '@firstbell/sdk';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';

import { cameraHeightFor, recallDataUse, rememberDataUse, type DataUse } from './media/data-use';
import type { Device, DeviceKind, LocalMedia } from './media/local-media';

/** What the page shows of a session; taken anew after every event. */
export interface ClassView {
  readonly state: SessionState;
  readonly roster: Roster;
  readonly slots: readonly Slot[];
  readonly speakers: ReadonlySet<string>;
  readonly warnings: readonly Warning[];
  readonly quality: Quality | null;
  readonly line: Line | null;
  /** Somebody waits to be let in. */
  readonly turn: Turn | null;
  /** What the node gives the room now; `null`: everything. */
  readonly service: ServiceLevel | null;
  /** Was in the class at least once, and did not leave. */
  readonly entered: boolean;
}

export function useSession(session: Session): ClassView {
  const warnings = useRef<readonly Warning[]>([]);
  const entered = useRef(false);
  const look = (): ClassView => {
    if (session.state.name === 'joined') entered.current = true;
    return {
      state: session.state,
      roster: session.roster,
      slots: session.slots,
      speakers: new Set(session.speakers),
      warnings: warnings.current,
      quality: session.quality,
      line: session.line,
      turn: session.turn,
      service: session.room?.service ?? null,
      entered: entered.current,
    };
  };
  const [view, setView] = useState(look);
  useEffect(() => {
    const update = (): void => setView(look());
    const stops = [
      session.on('state', update),
      session.on('roster', update),
      session.on('slots', update),
      session.on('speakers', update),
      session.on('quality', update),
      session.on('line', update),
      session.on('room', update),
      session.on('warnings', (next) => {
        warnings.current = next;
        update();
      }),
    ];
    update();
    return () => stops.forEach((stop) => stop());
  }, [session]);
  return view;
}

export function useDevices(media: LocalMedia): Readonly<Record<DeviceKind, Device>> {
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => media.on('change', () => render(undefined)), [media]);
  return media.devices;
}

export interface DataUseChoice {
  readonly use: DataUse;
  readonly choose: (use: DataUse) => void;
}

/** The person's choice, which the own camera follows. */
export function useDataUse(media: LocalMedia): DataUseChoice {
  const [use, setUse] = useState(recallDataUse);
  useEffect(() => media.setCameraHeight(cameraHeightFor(use, thisDevice())), [media, use]);
  const choose = (next: DataUse): void => {
    setUse(next);
    rememberDataUse(next);
  };
  return { use, choose };
}

/** What can be known of the computer without asking. */
export function thisDevice(): { cores: number; shorterSide: number } {
  return {
    // Some browsers do not tell; then it is taken for an old one.
    cores: navigator.hardwareConcurrency ?? 2,
    shorterSide: Math.min(screen.width, screen.height),
  };
}

/** The time of `performance.now()`, looked at once a second. */
export function useNow(): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of an element's content box, kept up to date. */
export function useSize<E extends HTMLElement>() {
  const ref = useRef<E>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      setSize({ width, height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size] as const;
}

/** Names for styles and tests. */
export type Connection = 'connecting' | 'connected' | 'reconnecting' | 'lost';

export function connectionOf(state: SessionState): Connection {
  switch (state.name) {
    case 'joined':
      return ofMedia(state.media);
    case 'connecting':
    case 'queued':
    case 'waiting':
    case 'reconnecting':
      return 'reconnecting';
    case 'idle':
    case 'refused':
    case 'ended':
    case 'unreachable':
    case 'left':
      return 'lost';
  }
}

function ofMedia(media: MediaHealth): Connection {
  return media === 'lost' ? 'reconnecting' : media;
}
