/** Line icons on a 24 unit grid, drawn with the text's colour. Always beside or inside a label. */
const PATHS = {
  microphone: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.500 11a6.500 6.500 0 0 0 13 0M12 17.500V21',
  microphoneOff:
    'M9 6a3 3 0 0 1 6 0v4M15 13.500a3 3 0 0 1-6-2.500V9M5.500 11a6.500 6.500 0 0 0 10.800 4.900M18.500 11c0 .9-.2 1.800-.5 2.600M12 17.500V21M4 4l16 16',
  camera: 'M4.500 6.500h9a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM15.500 10.800l6-3.300v9l-6-3.300',
  cameraOff:
    'M9.500 6.500h4a2 2 0 0 1 2 2v4M15.500 10.800l6-3.300v9l-4-2.200M15 17a2 2 0 0 1-1.500.5h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2M3 3l18 18',
  screen: 'M4 4.500h16a1.500 1.500 0 0 1 1.500 1.500v9a1.500 1.500 0 0 1-1.500 1.500H4A1.500 1.500 0 0 1 2.500 15V6A1.500 1.500 0 0 1 4 4.500zM8 20h8M12 13.500v-6M9.300 10L12 7.300l2.700 2.700',
  people: 'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 19.500a6.500 6.500 0 0 1 13 0M16 4.800a3.500 3.500 0 0 1 0 6.400M18 14a6.500 6.500 0 0 1 3.500 5.500',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.200a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400zM9 19.200a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400z',
  leave: 'M14 4H6.500A1.500 1.500 0 0 0 5 5.500v13A1.500 1.500 0 0 0 6.500 20H14M10.500 12H21M17.500 8.500L21 12l-3.500 3.500',
  pin: 'M9 3.500h6M10 3.500V9l-3.500 4.500h11L14 9V3.500M12 13.500V21',
  close: 'M6 6l12 12M18 6L6 18',
  warning: 'M12 4l9 16H3zM12 10v4.500M12 17.300v.2',
  sound: 'M4 9.500h3.500L12 5.500v13l-4.500-4H4zM15.500 9a4 4 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11',
  language: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c2.500 2.500 3.700 5.600 3.700 9S14.500 18.500 12 21c-2.500-2.500-3.700-5.600-3.700-9S9.500 5.500 12 3z',
  door: 'M6 21V4.500A1.500 1.500 0 0 1 7.500 3h9A1.500 1.500 0 0 1 18 4.500V21M3.500 21h17M14.500 12v.2',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.200l3.300 2',
  disconnected: 'M3 3l18 18M8.500 16a5 5 0 0 1 6.500-.5M5.300 12.700A9.700 9.700 0 0 1 9 10.400M13.500 9.900c2 .3 3.800 1.300 5.200 2.800M2.500 9.300A14 14 0 0 1 6 6.900M10.500 5.400c4.200-.4 8.200 1 11 3.900M12 19.300v.2',
  check: 'M4.500 12.500l5 5 10-11',
  connection: 'M2.500 9.300a14 14 0 0 1 19 0M5.300 12.700a9.700 9.700 0 0 1 13.400 0M8.500 16a5 5 0 0 1 7 0M12 19.300v.2',
  lock: 'M6.500 10.500h11a1.500 1.500 0 0 1 1.500 1.500v7a1.500 1.500 0 0 1-1.500 1.500h-11A1.500 1.500 0 0 1 5 19v-7a1.500 1.500 0 0 1 1.500-1.500zM8 10.500V8a4 4 0 0 1 8 0v2.500M12 14.500v2',
  expand: 'M9 4H4v5M15 4h5v5M9 20H4v-5M15 20h5v-5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 22 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

const BARS = ['M4.500 20v-3', 'M9.500 20v-7', 'M14.500 20V9', 'M19.500 20V4'];

/** Bars that rise, of which the first `filled` count. */
export function SignalIcon({ filled, size = 22 }: { filled: number; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="3"
      stroke-linecap="round"
      aria-hidden="true"
      focusable="false"
    >
      {BARS.map((bar, index) => (
        <path key={bar} d={bar} opacity={index < filled ? 1 : 0.3} />
      ))}
    </svg>
  );
}

/** The mark: a bell. */
export function Logo({ size = 32 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#f2b84b" />
      <path d="M16 7a6.2 6.2 0 0 0-6.2 6.2v4L8 20.4h16l-1.8-3.200v-4A6.2 6.2 0 0 0 16 7z" fill="#1b2233" />
      <path d="M13.3 22.600a2.8 2.8 0 0 0 5.4 0z" fill="#1b2233" />
    </svg>
  );
}
