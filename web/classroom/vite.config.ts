import { defineConfig } from 'vite';

/** Where `npm run dev` sends what the node answers. */
const NODE = process.env.FIRSTBELL_URL ?? 'http://localhost:8080';

export default defineConfig({
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // Everything comes from the node itself: no inlined data, no third party.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': { target: NODE, ws: true } } },
});
