// Builds the committed artifact of our own contract from its source.
//   node build.mjs          writes KeepwrightExecutor.{json,creation.bin,runtime.bin}
//   node build.mjs --check  compares them with a fresh compilation and writes nothing
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile, settings } from "./compile.mjs";

const here = import.meta.dirname;
const name = "KeepwrightExecutor";
const source = readFileSync(join(here, `${name}.sol`), "utf8");

const outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];
const { version, warnings, contracts } = compile({ [`${name}.sol`]: source }, outputs);
if (warnings.length > 0) throw new Error(warnings.join("\n"));
const { abi, evm } = contracts[`${name}.sol`][name];
const artifact = {
  contract: name,
  solc: version,
  settings,
  sourceSha256: createHash("sha256").update(source).digest("hex"),
  abi,
  bytecode: `0x${evm.bytecode.object}`,
  deployedBytecode: `0x${evm.deployedBytecode.object}`,
};
const files = {
  [`${name}.json`]: Buffer.from(`${JSON.stringify(artifact, null, 2)}\n`),
  [`${name}.creation.bin`]: Buffer.from(evm.bytecode.object, "hex"),
  [`${name}.runtime.bin`]: Buffer.from(evm.deployedBytecode.object, "hex"),
};

const stale = (file) => !existsSync(join(here, file)) || !readFileSync(join(here, file)).equals(files[file]);
if (process.argv.includes("--check")) {
  const differing = Object.keys(files).filter(stale);
  if (differing.length > 0) throw new Error(`not what the source compiles to: ${differing.join(", ")}; run node build.mjs`);
} else {
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(here, file), bytes);
}
