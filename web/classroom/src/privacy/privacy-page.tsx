import { useEffect } from 'preact/hooks';

import { useLanguage } from '../i18n';
import { PageFrame } from '../parts/page-frame';
import { PRIVACY } from './texts';
import './privacy.css';

/** What is processed, in words for pupils and parents. */
export default function PrivacyPage() {
  const { language } = useLanguage();
  const { title, lead, sections } = PRIVACY[language];
  useEffect(() => {
    document.title = `${title} · Firstbell`;
  }, [title]);
  return (
    <PageFrame testId="privacy">
      <main class="privacy">
        <h1>{title}</h1>
        <p class="privacy-lead">{lead}</p>
        {sections.map(([heading, points]) => (
          <section key={heading}>
            <h2>{heading}</h2>
            <ul>
              {points.map((point) => (
                <li key={point}>{point}</li>
              ))}
            </ul>
          </section>
        ))}
      </main>
    </PageFrame>
  );
}
