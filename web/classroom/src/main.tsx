import { render } from 'preact';

import { App } from './app';
import { LanguageProvider } from './i18n';
import './styles/base.css';
import './styles/screens.css';
import './styles/class.css';
import './styles/encryption.css';
import './styles/devices.css';

const root = document.getElementById('app');
if (root !== null) {
  render(
    <LanguageProvider>
      <App />
    </LanguageProvider>,
    root,
  );
}
