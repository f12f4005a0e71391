import { avatarColour, initials } from './names';

/** A person without a picture. The name stands beside it, so screen readers skip the letters. */
export function Avatar({ participant, name }: { participant: string; name: string }) {
  return (
    <span class={`avatar avatar-${avatarColour(participant)}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
