// A page of somebody else, on another origin, with the chat put on it by embed.js.

import { createServer } from "node:http";

/**
 * Starts a page that holds `body` (where `{chat}` stands for the chat's server) under a strict policy that allows
 * only what embed.js says it needs.
 */
export async function startForeignPage(chat, { body, language = "en", direction = "ltr", style = "" }) {
  const policy = `default-src 'none'; script-src ${chat}; frame-src ${chat}; style-src 'nonce-own'`;
  const html = `<!doctype html><html lang="${language}" dir="${direction}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title><style nonce="own">${style}</style></head><body>${body.replaceAll("{chat}", chat)}</body></html>`;
  const http = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy }).end(html);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    // Another host name makes it another site, not only another origin.
    url: `http://localhost:${http.address().port}`,
    async stop() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

export const TAG = '<script src="{chat}/embed.js" data-bot="helper" async></script>';
