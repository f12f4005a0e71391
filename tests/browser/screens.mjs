// Takes the pictures in docs/screens. Needs a node in development mode:
//   FIRSTBELL_URL=http://localhost:8080 node screens.mjs [folder]
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const URL_OF_NODE = process.env.FIRSTBELL_URL ?? 'http://localhost:8080';
const FOLDER = process.argv[2] ?? fileURLToPath(new URL('../../docs/screens', import.meta.url));
/** Everything that can be seen; without `--all` only what docs/ keeps. */
const ALL = process.argv.includes('--all');

const SIZES = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desktop: { width: 1440, height: 900 },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--disable-background-networking',
    '--no-first-run',
  ],
});

/** Draws somebody before a wall instead of the browser's test pattern. Runs in the page. */
function paintedCamera([wall, clothes, skin, hair]) {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    if (!constraints.video) return real(constraints);
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const pen = canvas.getContext('2d');
    const disc = (x, y, rx, ry, colour) => {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.ellipse(x, y, rx, ry, 0, 0, Math.PI * 2);
      pen.fill();
    };
    let time = 0;
    const draw = () => {
      time += 0.05;
      const sway = Math.sin(time) * 6;
      const light = pen.createLinearGradient(0, 0, 640, 360);
      light.addColorStop(0, wall);
      light.addColorStop(1, '#1c2230');
      pen.fillStyle = light;
      pen.fillRect(0, 0, 640, 360);
      pen.fillStyle = '#ffffff18';
      pen.fillRect(60, 40, 130, 170);
      disc(320 + sway, 395, 155, 140, clothes);
      disc(320 + sway, 160, 84, 92, hair);
      pen.fillStyle = skin;
      pen.fillRect(292 + sway, 220, 56, 60);
      disc(320 + sway, 178, 66, 78, skin);
      disc(320 + sway, 118, 72, 38, hair);
      disc(297 + sway, 176, 6, 7, '#22242b');
      disc(343 + sway, 176, 6, 7, '#22242b');
      pen.strokeStyle = '#22242b';
      pen.lineWidth = 4;
      pen.beginPath();
      pen.arc(320 + sway, 198, 22, 0.35, Math.PI - 0.35);
      pen.stroke();
    };
    draw();
    setInterval(draw, 66);
    return canvas.captureStream(15);
  };
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const pen = canvas.getContext('2d');
    const draw = () => {
      pen.fillStyle = '#fbfaf6';
      pen.fillRect(0, 0, 1280, 720);
      pen.fillStyle = '#1f2a44';
      pen.font = '600 64px sans-serif';
      pen.fillText('a² + b² = c²', 110, 170);
      pen.font = '34px sans-serif';
      pen.fillText('The squares over both short sides', 110, 250);
      pen.fillText('fill the square over the long one.', 110, 298);
      pen.lineWidth = 7;
      pen.strokeStyle = '#1f2a44';
      pen.fillStyle = '#f2b84b';
      pen.beginPath();
      pen.moveTo(720, 600);
      pen.lineTo(1140, 600);
      pen.lineTo(1140, 290);
      pen.closePath();
      pen.fill();
      pen.stroke();
      pen.fillStyle = '#1f2a44';
      pen.fillText('a', 920, 655);
      pen.fillText('b', 1165, 460);
      pen.fillText('c', 890, 420);
    };
    draw();
    setInterval(draw, 200);
    return canvas.captureStream(5);
  };
}

const PEOPLE = {
  'Ms Becker': ['#6d86b8', '#2c3f5e', '#e6b897', '#59402f'],
  'Amira Haddad': ['#8a9a74', '#7a3b52', '#c98f68', '#2b211d'],
  'Jonas Weber': ['#b59a7d', '#31604f', '#f0c8a6', '#b98b4a'],
  'Mai Tran': ['#9c86ad', '#3e4f86', '#ecc39b', '#17171c'],
  'Lena Ott': ['#7fa3a8', '#8a6a2f', '#f3cfb2', '#8d4a2b'],
};

async function open(size, locale, who) {
  const context = await browser.newContext({ viewport: SIZES[size], locale });
  if (who !== undefined) await context.addInitScript(paintedCamera, PEOPLE[who]);
  return context.newPage();
}

async function fill(page, name, room, role) {
  await page.goto(URL_OF_NODE);
  await page.getByTestId('name-input').fill(name);
  await page.getByTestId('room-input').fill(room);
  await page.getByTestId('role-select').selectOption(role);
}

async function join(size, locale, name, room, role = 'pupil') {
  const page = await open(size, locale, name);
  await fill(page, name, room, role);
  await page.getByTestId('join-button').click();
  await page.locator('[data-testid=classroom][data-connection=connected]').waitFor();
  return page;
}

async function shoot(page, name) {
  await page.mouse.move(2, 2);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.waitForTimeout(700);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  console.log(name);
}

/** Waits until `count` remote pictures are playing. */
async function pictures(page, count) {
  const playing = page.locator('[data-testid=tile][data-video=on] video[data-frames]');
  await playing.nth(count - 1).waitFor();
}

await mkdir(FOLDER, { recursive: true });
try {
  const kept = [
    ['prejoin-desktop-en', 'desktop', 'en-GB'],
    ['prejoin-phone-de', 'phone', 'de-DE'],
  ];
  const more = [
    ['prejoin-tablet-en', 'tablet', 'en-GB'],
    ['prejoin-desktop-de', 'desktop', 'de-DE'],
    ['prejoin-phone-en', 'phone', 'en-GB'],
  ];
  for (const [name, size, locale] of ALL ? [...kept, ...more] : kept) {
    const page = await open(size, locale, 'Ms Becker');
    await fill(page, 'Ms Becker', 'math-7b', 'teacher');
    await page.locator('[data-testid=preview-video][data-frames]').waitFor();
    await shoot(page, name);
    await page.context().close();
  }

  const refused = await open('desktop', 'en-GB');
  await refused.goto(`${URL_OF_NODE}/r/math-7b#token=expired`);
  await refused.getByTestId('join-button').click();
  await refused.getByTestId('refusal').waitFor();
  if (ALL) await shoot(refused, 'refusal-desktop-en');
  await refused.getByTestId('language-select').selectOption('de');
  await refused.setViewportSize(SIZES.phone);
  await shoot(refused, 'refusal-phone-de');
  await refused.context().close();

  const room = `math-7b`;
  const teacher = await join('desktop', 'en-GB', 'Ms Becker', room, 'teacher');
  if (ALL) await shoot(teacher, 'alone-desktop-en');
  const amira = await join('phone', 'de-DE', 'Amira Haddad', room);
  if (ALL) {
    await pictures(amira, 1);
    await shoot(amira, 'class-phone-two-de');
  }
  const jonas = await join('tablet', 'en-GB', 'Jonas Weber', room);
  await join('phone', 'de-DE', 'Mai Tran', room);
  const lena = await join('phone', 'de-DE', 'Lena Ott', room);
  await lena.getByTestId('camera-button').click();
  await lena.getByTestId('microphone-button').click();
  await pictures(teacher, 3);
  await teacher.getByTestId('roster-button').click();
  await shoot(teacher, 'class-desktop-en');
  await teacher.getByTestId('roster-button').click();
  if (ALL) {
    await shoot(teacher, 'class-desktop-no-roster-en');
    await teacher.getByTestId('settings-button').click();
    await shoot(teacher, 'settings-desktop-en');
    await teacher.keyboard.press('Escape');
    await amira.getByTestId('roster-button').click();
    await shoot(amira, 'roster-phone-de');
    await amira.getByTestId('roster-button').click();
  }
  await pictures(amira, 3);
  await shoot(amira, 'class-phone-de');
  await pictures(jonas, 3);
  if (ALL) await shoot(jonas, 'class-tablet-en');

  await teacher.getByTestId('screen-button').click();
  await jonas.locator('[data-testid=tile][data-source=screen] video[data-frames]').waitFor();
  await shoot(jonas, 'screen-tablet-en');
  if (ALL) {
    await shoot(teacher, 'sharing-desktop-en');
    await amira.locator('[data-testid=tile][data-source=screen] video[data-frames]').waitFor();
    await shoot(amira, 'screen-phone-de');
    await jonas.setViewportSize(SIZES.desktop);
    await shoot(jonas, 'screen-desktop-en');
    await amira.context().close();
    await shoot(jonas, 'absent-desktop-en');
    await jonas.getByTestId('leave-button').click();
    await shoot(jonas, 'left-desktop-en');
  }
} finally {
  await browser.close();
}
