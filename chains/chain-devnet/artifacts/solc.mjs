// Compiles standard JSON with a pinned solc that fetch.mjs unpacked:
//   node solc.mjs 0.8.27 < input.json > output.json
// It loads the bare soljson.js, so that no other npm package is needed.
import { createRequire } from "node:module";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** The cache folder that every fetched thing lives in: `$KEEPWRIGHT_CACHE`, else `.cache` of the repository. */
export const cacheRoot = () => resolve(process.env.KEEPWRIGHT_CACHE ?? join(here, "../../../.cache"));

/** Where the compiler of one version is unpacked. */
export const compilerPath = (version) => join(cacheRoot(), "npm", `solc-${version}`, "soljson.js");

/** Compiles a standard-JSON input (an object) and returns the output object. */
export function compile(version, input) {
  const path = compilerPath(version);
  if (!existsSync(path)) throw new Error(`solc ${version} is not fetched: run scripts/setup`);
  const soljson = createRequire(import.meta.url)(path);
  const run = soljson.cwrap("solidity_compile", "string", ["string", "number", "number"]);
  return JSON.parse(run(JSON.stringify(input), 0, 0));
}

const isMain = process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) {
  try {
    const version = process.argv[2];
    if (!version) throw new Error("usage: node solc.mjs VERSION < input.json");
    const output = compile(version, JSON.parse(readFileSync(0, "utf8")));
    process.stdout.write(JSON.stringify(output) + "\n");
  } catch (error) {
    process.stderr.write(`solc.mjs: ${error.message}\n`);
    process.exitCode = 1;
  }
}
