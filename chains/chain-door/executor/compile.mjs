// How our Solidity is compiled, for the artifact and for its tests alike.
import { compile as solc } from "../../chain-devnet/artifacts/solc.mjs";

const version = "0.8.27";

/** What decides the bytes, and is kept in the artifact. */
export const settings = {
  optimizer: { enabled: true, runs: 200 },
  // Runs on chains without PUSH0 and TSTORE as well.
  evmVersion: "paris",
  // The same source gives the same bytes in any folder.
  metadata: { bytecodeHash: "none" },
};

/** Compiles `sources` ({ file: text }) and returns { version, warnings, contracts: { file: { name: output } } }. */
export function compile(sources, outputs) {
  const named = Object.entries(sources).map(([file, content]) => [file, { content }]);
  const output = solc(version, {
    language: "Solidity",
    sources: Object.fromEntries(named),
    settings: { ...settings, outputSelection: { "*": { "*": outputs } } },
  });
  const said = (severity) => (output.errors ?? []).filter((e) => e.severity === severity).map((e) => e.formattedMessage);
  if (said("error").length > 0) throw new Error(said("error").join("\n"));
  return { version, warnings: said("warning"), contracts: output.contracts };
}
