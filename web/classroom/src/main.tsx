import { render } from 'preact';

import { LanguageProvider } from './i18n';
import { Page } from './page';
import './styles/base.css';
import './styles/screens.css';
import './styles/class.css';
import './styles/panels.css';
import './styles/controls.css';
import './styles/encryption.css';
import './styles/devices.css';

const root = document.getElementById('app');
if (root !== null) {
  render(
    <LanguageProvider>
      <Page />
    </LanguageProvider>,
    root,
  );
}
