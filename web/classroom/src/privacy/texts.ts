import type { Language } from '../i18n';

interface PrivacyTexts {
  readonly title: string;
  readonly lead: string;
  /** A heading and what stands below it. */
  readonly sections: readonly (readonly [string, readonly string[]])[];
}

/** What the software does. Who runs it adds who is responsible, on which grounds, and what else runs there. */
export const PRIVACY: Readonly<Record<Language, PrivacyTexts>> = {
  en: {
    title: 'What happens to your data here',
    lead: 'This page says what the video classroom itself processes. Your school, or whoever runs this server for it, is responsible and tells you all else, such as whom to ask.',
    sections: [
      [
        'During a lesson',
        [
          'Your voice, your picture and your shared screen go to this server and from there to the others in the same room. The server passes them on; it does not keep, record or evaluate them.',
          'The others see your name, your role, whether microphone, camera and screen are on, and when you speak.',
          'Name, role and room are in the personal link that your school gave you.',
          'The server needs the network address of your device to send you anything. Other participants never get it.',
        ],
      ],
      [
        'Encryption',
        [
          'Everything is encrypted between your device and the server.',
          'In a room with a lock, sound and pictures are encrypted end to end as well: the server cannot open them. Names and the list of people are not part of that. The key is in the link or made from a passphrase, and is never sent to the server.',
        ],
      ],
      [
        'What stays on the server',
        [
          'Nothing of a lesson: soon after the last person has left, the room is gone from memory.',
          'By default the server’s log holds no names and no network addresses. It counts events, such as how many people joined.',
        ],
      ],
      [
        'What stays in your browser',
        [
          'No cookies.',
          'In this tab until you close it: your link’s token and a ticket, so that you come back as the same person after a reload; what you typed on the way in; whether camera and microphone were on.',
          'Until you delete it: the language, the chosen camera and microphone, whether the background is blurred, how much data to use, and whether keyboard shortcuts are on.',
          'These notes go to nobody else; only the token and the ticket are shown to this server, when you join.',
        ],
      ],
      [
        'Others',
        [
          'The page loads nothing from other servers: no fonts, no statistics, no advertising, no services of large companies.',
          'The check page joins an empty room of its own for some seconds. Nobody else is in it.',
        ],
      ],
    ],
  },
  de: {
    title: 'Was hier mit deinen Daten geschieht',
    lead: 'Diese Seite sagt, was das Video-Klassenzimmer selbst verarbeitet. Verantwortlich ist deine Schule oder wer den Server für sie betreibt; dort erfährst du alles Weitere, auch an wen du dich wenden kannst.',
    sections: [
      [
        'Im Unterricht',
        [
          'Deine Stimme, dein Bild und dein geteilter Bildschirm gehen an diesen Server und von dort an die anderen im selben Raum. Der Server leitet sie weiter; er behält nichts, zeichnet nichts auf und wertet nichts aus.',
          'Die anderen sehen deinen Namen, deine Rolle, ob Mikrofon, Kamera und Bildschirm an sind, und wann du sprichst.',
          'Name, Rolle und Raum stehen in dem persönlichen Link, den du von deiner Schule hast.',
          'Der Server braucht die Netzadresse deines Geräts, um dir etwas senden zu können. Die anderen erfahren sie nie.',
        ],
      ],
      [
        'Verschlüsselung',
        [
          'Zwischen deinem Gerät und dem Server ist alles verschlüsselt.',
          'In einem Raum mit Schloss sind Ton und Bild zusätzlich Ende zu Ende verschlüsselt: Der Server kann sie nicht öffnen. Namen und die Liste der Personen gehören nicht dazu. Der Schlüssel steht im Link oder entsteht aus einem Kennwort und wird nie an den Server gesendet.',
        ],
      ],
      [
        'Was auf dem Server bleibt',
        [
          'Vom Unterricht nichts: Kurz nachdem die letzte Person gegangen ist, ist der Raum aus dem Speicher gelöscht.',
          'In der Voreinstellung stehen im Protokoll des Servers weder Namen noch Netzadressen. Gezählt werden Ereignisse, etwa wie viele Personen teilgenommen haben.',
        ],
      ],
      [
        'Was in deinem Browser bleibt',
        [
          'Keine Cookies.',
          'In diesem Tab, bis du ihn schließt: das Token aus deinem Link und eine Marke, damit du nach dem Neuladen als dieselbe Person zurückkommst; was du beim Teilnehmen eingegeben hast; ob Kamera und Mikrofon an waren.',
          'Bis du es löschst: die Sprache, die gewählte Kamera und das gewählte Mikrofon, ob der Hintergrund weichgezeichnet wird, wie viele Daten verbraucht werden dürfen und ob Tastenkürzel an sind.',
          'Diese Notizen bekommt sonst niemand; nur Token und Marke werden diesem Server gezeigt, wenn du teilnimmst.',
        ],
      ],
      [
        'Andere',
        [
          'Die Seite lädt nichts von anderen Servern: keine Schriften, keine Statistik, keine Werbung, keine Dienste großer Firmen.',
          'Die Prüfseite betritt für einige Sekunden einen leeren, eigenen Raum. Sonst ist niemand darin.',
        ],
      ],
    ],
  },
};
