import { useEffect, useRef, useState } from 'preact/hooks';

import { quietFor } from './calm';

/**
 * Says `text` to screen readers, politely and not too often: what changes in between is not said, only
 * what holds when it is time again.
 */
export function CalmStatus({ text, testId }: { text: string; testId: string }) {
  const [said, setSaid] = useState('');
  const saidAt = useRef<number | null>(null);
  useEffect(() => {
    if (text === said) return undefined;
    const timer = setTimeout(() => {
      saidAt.current = performance.now();
      setSaid(text);
    }, quietFor(saidAt.current, performance.now()));
    return () => clearTimeout(timer);
  }, [text, said]);
  return (
    <p class="visually-hidden" role="status" aria-live="polite" data-testid={testId}>
      {said}
    </p>
  );
}
