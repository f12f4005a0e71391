import type { ComponentChildren } from 'preact';

import { useTexts } from '../i18n';
import { Logo } from './icons';
import { LanguageSelect } from './language-select';

/** What every screen outside the class stands in: mark, language, and the content between. */
export function PageFrame({ children, testId }: { children: ComponentChildren; testId?: string }) {
  const t = useTexts();
  return (
    <div class="page" data-testid={testId}>
      <header class="page-header">
        <div class="brand">
          <Logo />
          <div>
            <span class="brand-name">Firstbell</span>
            <span class="brand-tagline">{t.tagline}</span>
          </div>
        </div>
        <LanguageSelect />
      </header>
      {children}
      <footer class="page-footer">
        <a href="/check">{t.checkLink}</a>
        <a href="/privacy">{t.privacyLink}</a>
      </footer>
    </div>
  );
}
