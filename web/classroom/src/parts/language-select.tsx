import { LANGUAGES, useLanguage, type Language } from '../i18n';
import { Icon } from './icons';

export function LanguageSelect() {
  const { language, t, choose } = useLanguage();
  return (
    <label class="language">
      <Icon name="language" size={18} />
      <span class="visually-hidden">{t.language}</span>
      <select
        data-testid="language-select"
        value={language}
        onChange={(event) => choose(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([code, { name }]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
