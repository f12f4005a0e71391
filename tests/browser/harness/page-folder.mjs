// Serves a page that is built but not inside the binary, in front of a node: for work on the page
// without a build of the server. Policies are the node's own, so that what they forbid fails here too.

import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};
const POLICIES = ['content-security-policy', 'permissions-policy', 'referrer-policy', 'x-content-type-options'];

/**
 * @param {string} folder with `index.html`
 * @param {string} origin of the node
 * @returns {Promise<{ origin: string, close: () => void }>}
 */
export async function servePage(folder, origin) {
  const answer = await fetch(origin);
  const policies = Object.fromEntries(POLICIES.map((name) => [name, answer.headers.get(name) ?? '']));
  const node = new URL(origin);

  const server = createServer((asked, response) => {
    const { pathname } = new URL(asked.url ?? '/', origin);
    if (/^\/(v1|metrics|healthz|readyz)(\/|$)/.test(pathname)) forward(node, asked, response);
    else void sendFile(folder, pathname, policies, response);
  });
  // A WebSocket: bytes both ways, as they come.
  server.on('upgrade', (asked, socket, head) => {
    const upstream = connect(Number(node.port), node.hostname, () => {
      const headers = Object.entries({ ...asked.headers, host: node.host });
      upstream.write(`GET ${asked.url} HTTP/1.1\r\n`);
      upstream.write(headers.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
      upstream.write('\r\n');
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    });
    for (const [one, other] of [[socket, upstream], [upstream, socket]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://localhost:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @param {URL} node @param {import('node:http').IncomingMessage} asked @param {import('node:http').ServerResponse} response */
function forward(node, asked, response) {
  const upstream = request(
    { host: node.hostname, port: node.port, path: asked.url, method: asked.method, headers: { ...asked.headers, host: node.host } },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  upstream.on('error', () => response.writeHead(502).end());
  asked.pipe(upstream);
}

/** @param {string} folder @param {string} pathname @param {Record<string, string>} policies @param {import('node:http').ServerResponse} response */
async function sendFile(folder, pathname, policies, response) {
  const isFile = !pathname.startsWith('/r/') && extname(pathname) !== '';
  const name = isFile ? normalize(pathname) : '/index.html';
  try {
    const bytes = await readFile(join(folder, name));
    const type = TYPES[/** @type {keyof typeof TYPES} */ (extname(name))] ?? 'application/octet-stream';
    response.writeHead(200, { ...policies, 'content-type': type, 'cache-control': 'no-cache' }).end(bytes);
  } catch {
    response.writeHead(404, policies).end('no such file\n');
  }
}
