/**
 * Joins a Firstbell room from a browser. No user interface, no dependencies.
 *
 * Start at {@link Session}.
 *
 * @packageDocumentation
 */
export { Session } from './session';
export { Emitter } from './emitter';
export type { Listener } from './emitter';
export type { SessionEvents, SessionOptions, SessionStats } from './session-options';
export type { RoomEvents, Slot } from './room-view';
export type { QualityEvents } from './quality-monitor';
export type { Quality, QualityLevel, QualityReason } from './quality';
export { isFinal } from './state';
export type { MediaHealth, SessionState } from './state';
export type { Turn } from './turn';
export type { Roster, RosterDelta } from './roster';
export type { SlotState } from './slot-table';
export { TicketStore } from './ticket-store';
export type { StoredSession } from './ticket-store';
export { observeTile } from './observe-tile';
export type { TileListener, TileOptions } from './observe-tile';
export { Encryption, encryptionSupport } from './e2ee/encryption';
export type { EncryptionEvents, EncryptionOptions } from './e2ee/encryption';
export { keyFromPassphrase, newKey, parseKey } from './e2ee/keys';
export { DeviceError, listDevices, openCamera, openMicrophone, openScreen } from './devices';
export type { CameraHeight, DeviceProblem } from './devices';
export type { SendOptions } from './encodings';
export type {
  ErrorCode,
  Line,
  LineQuality,
  ParticipantId,
  Person,
  Publishing,
  Role,
  RoomState,
  ServiceLevel,
  TrackSource,
  VideoSource,
  Warning,
} from './protocol';
