// node main.mjs PROTOCOL SCENARIO: a server of that protocol in that scenario. Tells {"url":...}, then plays; the end is {"passed":true},
// or what was wrong with all that was said. Secrets and names come in the environment (INTEROP_...).
import { tell, log } from './peer.mjs';

const [protocol, scenario] = process.argv.slice(2);
try {
  const { scenarios } = await import(`./${protocol}.mjs`);
  if (!(scenario in scenarios)) throw new Error(`no scenario ${scenario} in ${protocol}.mjs`);
  await scenarios[scenario]();
  tell({ passed: true });
  process.exit(0);
} catch (e) {
  process.stderr.write(`${e.stack}\n--- what was said ---\n${log()}\n`);
  process.exit(1);
}
