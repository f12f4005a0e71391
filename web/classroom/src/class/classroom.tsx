import type { Session } from '@firstbell/sdk';
import { useState } from 'preact/hooks';

import { connectionOf, useDataUse, useDevices, type ClassView } from '../hooks';
import { useTexts } from '../i18n';
import type { LocalMedia } from '../media/local-media';
import { canShareScreen, useScreenShare } from '../media/screen-share';
import { Logo } from '../parts/icons';
import { Announcer } from './announcer';
import { ConnectionBanner } from './connection-banner';
import { Controls } from './controls';
import { EncryptionLock } from './encryption-lock';
import { Notices } from './notices';
import { RosterPanel } from './roster-panel';
import { missedService } from './service';
import { SettingsDialog } from './settings-dialog';
import { useShortcuts } from './shortcuts';
import { Sounds } from './sounds';
import { Stage } from './stage';
import { videoOff } from './video-off';

interface ClassroomProps {
  readonly session: Session;
  readonly view: ClassView;
  readonly room: string;
  readonly media: LocalMedia;
  readonly onAgain: () => void;
  readonly onLeave: () => void;
}

/** The class itself. */
export function Classroom({ session, view, room, media, onAgain, onLeave }: ClassroomProps) {
  const t = useTexts();
  const devices = useDevices(media);
  const screen = useScreenShare(session);
  const dataUse = useDataUse(media);
  const off = videoOff(view.state, view.line, dataUse.use);
  const missed = missedService(view, session.participant, off);
  const [rosterOpen, setRosterOpen] = useState(false);
  const [settingsOpen, setSettingsOpen] = useState(false);

  const actions = {
    microphone: () => media.switch('microphone', !devices.microphone.on),
    camera: () => media.switch('camera', !devices.camera.on),
    screen: () => {
      if (screen.live) screen.stop();
      else if (canShareScreen()) screen.start();
    },
    people: () => setRosterOpen((open) => !open),
    settings: () => setSettingsOpen((open) => !open),
  };
  const shortcuts = useShortcuts(actions);

  return (
    <div
      class="classroom"
      data-testid="classroom"
      data-participant={session.participant}
      data-connection={connectionOf(view.state)}
      data-roster={rosterOpen ? 'open' : 'closed'}
    >
      <header class="class-header">
        <Logo size={26} />
        <h1>{room}</h1>
        <span class="class-count">{t.participants(view.roster.size)}</span>
        <EncryptionLock session={session} room={room} />
      </header>
      <ConnectionBanner state={view.state} turn={view.turn} videoOff={off} onAgain={onAgain} />
      <Stage
        session={session}
        view={view}
        media={media}
        dataUse={dataUse.use}
        videoOff={off}
        onMore={() => setRosterOpen(true)}
      />
      <RosterPanel
        open={rosterOpen}
        view={view}
        own={session.participant}
        onClose={() => setRosterOpen(false)}
      />
      <Notices
        view={view}
        media={media}
        screen={screen}
        videoOff={off}
        service={missed}
        onPictures={() => dataUse.choose('full')}
      />
      <Controls
        devices={devices}
        sharing={screen.live}
        people={view.roster.size}
        rosterOpen={rosterOpen}
        settingsOpen={settingsOpen}
        quality={view.quality}
        actions={actions}
        onLeave={onLeave}
      />
      <Sounds slots={view.slots} />
      <Announcer
        session={session}
        microphoneOn={devices.microphone.on}
        videoOff={off === 'line'}
        reduced={missed !== null}
      />
      <SettingsDialog
        open={settingsOpen}
        media={media}
        shortcuts={shortcuts}
        quality={view.quality}
        dataUse={dataUse}
        onClose={() => setSettingsOpen(false)}
      />
    </div>
  );
}
