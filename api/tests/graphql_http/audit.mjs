// Runs the public GraphQL-over-HTTP audits: `node audit.mjs URL TOKEN`. Fails unless every one of them is ok: a
// warning or a notice counts as a failure. The server must allow introspection, which two of the audits ask for.

import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);

const audits = serverAudits({
  url,
  fetchFn: (address, options = {}) =>
    fetch(address, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } }),
});

let failures = 0;
for (const audit of audits) {
  const { status, reason } = await audit.fn();
  if (status !== "ok") {
    failures += 1;
    console.log(`${status} ${audit.id} ${audit.name}: ${reason ?? ""}`);
  }
}
console.log(`${audits.length - failures} of ${audits.length} audits are ok`);
process.exitCode = failures === 0 && audits.length > 0 ? 0 : 1;
