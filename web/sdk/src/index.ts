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
export type { SessionEvents, SessionOptions, SessionStats, Slot } from './session';
export { isFinal } from './state';
export type { MediaHealth, SessionState } from './state';
export type { Roster, RosterDelta } from './roster';
export type { SlotState } from './slot-table';
export { TicketStore } from './ticket-store';
export type { StoredSession } from './ticket-store';
export { Encryption, encryptionSupport } from './e2ee/encryption';
export type { EncryptionEvents, EncryptionOptions } from './e2ee/encryption';
export { keyFromPassphrase, newKey, parseKey } from './e2ee/keys';
export { DeviceError, listDevices, openCamera, openMicrophone, openScreen } from './devices';
export type { DeviceProblem } from './devices';
export { SOURCE_LIMITS } from './media-link';
export type { SourceLimits } from './media-link';
export type {
  ErrorCode,
  ParticipantId,
  Person,
  Publishing,
  Role,
  RoomState,
  TrackSource,
  Warning,
} from './protocol';
